import { type HandlerOptions, runService } from "../handler/handler.ts";
import type { CommandContext } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { readEnvironment } from "./environment.ts";
import { serviceManager } from "./service_manager.ts";

/** Runs the service until the signal fires. */
export async function run(context: CommandContext, options: HandlerOptions): Promise<ExitCode> {
  await runService(context.config, context.logger, context.signal, {
    ...options,
    serviceManager: serviceManager(readEnvironment(), Deno.pid),
  });
  return EXIT.done;
}
