import { startAdminServer } from "../api/admin_server.ts";
import type { Logger } from "../platform/log/logger.ts";
import type { Listener } from "../runtime/handler_options.ts";
import type { LiveOverview } from "../runtime/overview.ts";
import type { Config } from "../settings/config.ts";

/** Opens the listener of `HTTP_LISTEN`; undefined: none is set. @throws {AdminError} */
export function listenAsConfigured(
  { httpListen, httpAllowedHosts }: Config,
  logger: Logger,
  look: () => LiveOverview,
): Listener | undefined {
  if (httpListen === undefined) return undefined;
  return startAdminServer({
    ...httpListen,
    allowedHosts: httpAllowedHosts,
    surroundings: { look },
    logger: logger.child("admin"),
  });
}
