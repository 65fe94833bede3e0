import type { HandlerOptions } from "../runtime/handler_options.ts";
import { runService } from "../runtime/service.ts";
import { rereadConfig } from "../settings/reread.ts";
import type { CommandContext } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { metricsSender } from "./exporter.ts";
import { takeEnvironment } from "./environment.ts";
import { operator } from "./operator.ts";
import { endOfParent } from "./parent_process.ts";
import { serviceManager } from "./service_manager.ts";

/** Runs the service until the signal fires, or the process ends that it belongs to. */
export async function run(context: CommandContext, options: HandlerOptions): Promise<ExitCode> {
  const { config, sources, registry, hangups, adopt, logger, telemetry } = context;
  const environment = takeEnvironment();
  const signal = AbortSignal.any([context.signal, endOfParent(environment)]);
  let inForce = config;
  await runService(config, logger, signal, {
    ...options,
    registry,
    telemetry,
    sendMetrics: await metricsSender(config),
    operator: operator(),
    listen: async (controls) => {
      const { httpListen } = config;
      if (httpListen === undefined) return undefined;
      const { listenAsConfigured } = await import("./admin_listener.ts");
      return await listenAsConfigured(httpListen, () => ({ config: inForce, registry, logger }), controls);
    },
    resettings: {
      next: (signal) => hangups.next(signal),
      read: (inForce) => rereadConfig(inForce, (pinned) => registry.configure({ ...sources, pinned })),
      adopt: (next) => {
        inForce = next;
        adopt(next);
      },
    },
    serviceManager: serviceManager(environment, Deno.pid),
  });
  return EXIT.done;
}
