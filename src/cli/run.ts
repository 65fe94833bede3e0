import { runService } from "../handler/handler.ts";
import type { CommandContext } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";

export interface RunOptions {
  readonly forgetSinks: readonly string[];
}

/** Runs the service until the signal fires. */
export async function run(context: CommandContext, options: RunOptions): Promise<ExitCode> {
  await runService(context.config, context.logger, context.signal, { forgetSinks: [...options.forgetSinks] });
  return EXIT.done;
}
