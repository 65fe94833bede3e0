import { startAdminServer } from "../api/admin_server.ts";
import { prometheusText } from "../api/prometheus.ts";
import type { Logger } from "../platform/log/logger.ts";
import type { HandlerView, Listener } from "../runtime/handler_options.ts";
import type { Config } from "../settings/config.ts";

/** Opens the listener that `HTTP_LISTEN` asks for; undefined: it asks for none. @throws {AdminError} */
export function listenAsConfigured(
  { httpListen, httpAllowedHosts }: Config,
  logger: Logger,
  view: HandlerView,
): Listener | undefined {
  if (httpListen === undefined) return undefined;
  return startAdminServer({
    ...httpListen,
    allowedHosts: httpAllowedHosts,
    readiness: () => view.readiness(),
    metricsText: () => prometheusText(view.metrics()),
    logger: logger.child("admin"),
  });
}
