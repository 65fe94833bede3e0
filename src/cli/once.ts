import { type OnceOptions, runOnce } from "../handler/handler.ts";
import type { CommandContext } from "./command.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";

/** Fetches and delivers what there is. */
export async function once(context: CommandContext, options: OnceOptions): Promise<ExitCode> {
  const result = await runOnce(context.config, context.logger, context.signal, options);
  if (result.complete) return EXIT.done;
  throw new CommandError(
    EXIT.tryAgain,
    ["There is work left, and the state is safe; the next call goes on:", ...result.reasons].join("\n  "),
  );
}
