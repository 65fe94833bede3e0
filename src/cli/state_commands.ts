import { type AnyCommand, command } from "./command.ts";
import { loadBusConfig } from "../settings/bus_config.ts";
import { toggle } from "./option.ts";
import { alone, readerConfig } from "./whose_state.ts";
import { JSON_OUTPUT, LISTENER_URL, LISTENER_VARIABLES, STATE_VARIABLES } from "./shared_options.ts";
import type { Registry } from "../runtime/registry.ts";

const AUDIT = toggle(
  "--audit",
  "every order of an operator that the state still knows, not only the last ten",
);

const WATCH = toggle("--watch", "renew it in place until q or Ctrl-C");

export function statusCommand(): AnyCommand {
  return command({
    name: "status",
    summary: "what the state holds: offsets, watermark, windows, outbox, dead letters, the books",
    details: "Only reads; works while the handler runs. With --watch it asks the admin listener each " +
      "second, and the state where that does not answer; q or Ctrl-C ends it. Where its output is no " +
      "terminal, it prints a line each five seconds.",
    examples: [
      ["status --state-dir /var/lib/vabus-data-handler", "for people"],
      ["status --json", "for programs"],
      ["status --watch", "sources, windows, outbox and sinks, with their rates and lags, renewed in place"],
      ["status --watch --url https://plant-7:8090", "of a handler elsewhere; the token is VIEWER_TOKEN"],
    ],
    concerns: [...STATE_VARIABLES, ...LISTENER_VARIABLES],
    options: { audit: AUDIT, json: JSON_OUTPUT, url: LISTENER_URL, watch: WATCH },
    configure: readerConfig,
    run: async (context, options) => (await import("./status.ts")).status(context, options),
  });
}

export function healthCommand(registry: Registry): AnyCommand {
  return command({
    name: "health",
    summary: "ask the handler that runs on this host whether it is alive",
    details:
      "Asks /healthz of HTTP_LISTEN, for the health check of a container. Exits 1 when there is no answer.",
    examples: [["health", "exit code 0: it is alive"]],
    concerns: ["HTTP_LISTEN", "HTTP_CERT_FILE"],
    options: {},
    configure: (sources) => loadBusConfig(alone(sources), registry.catalogue),
    run: async (context) => (await import("./health.ts")).health(context),
  });
}
