import { startAdminServer } from "../api/admin_server.ts";
import type { Logger } from "../platform/log/logger.ts";
import type { Listener } from "../runtime/handler_options.ts";
import type { LiveOverview } from "../runtime/overview.ts";
import type { Config } from "../settings/config.ts";

/** Opens the listener of `HTTP_LISTEN`; undefined: none is set. @throws {AdminError} */
export async function listenAsConfigured(
  { httpListen, httpAllowedHosts, httpTls, httpTokens }: Config,
  logger: Logger,
  look: () => LiveOverview,
): Promise<Listener | undefined> {
  if (httpListen === undefined) return undefined;
  return await startAdminServer({
    ...httpListen,
    allowedHosts: httpAllowedHosts,
    tokens: httpTokens,
    tls: httpTls,
    surroundings: { look },
    logger: logger.child("admin"),
  });
}
