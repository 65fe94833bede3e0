import { startAdminServer } from "../api/admin_server.ts";
import { Inquiries } from "../control/inquiries.ts";
import type { Logger } from "../platform/log/logger.ts";
import type { Listener } from "../runtime/handler_options.ts";
import type { LiveOverview } from "../runtime/overview.ts";
import type { Registry } from "../runtime/registry.ts";
import type { Config } from "../settings/config.ts";

export interface ListenerContext {
  readonly config: Config;
  readonly registry: Registry;
  readonly logger: Logger;
  /** The configuration of the moment; undefined: it never changes. */
  readonly inForce?: () => Config;
}

/** Opens the listener of `HTTP_LISTEN`; undefined: none is set. @throws {AdminError} */
export async function listenAsConfigured(
  { config, registry, logger, inForce = () => config }: ListenerContext,
  look: () => LiveOverview,
): Promise<Listener | undefined> {
  const { httpListen, httpAllowedHosts, httpTls, httpTokens } = config;
  if (httpListen === undefined) return undefined;
  const inquiries = new Inquiries(() => ({ config: inForce(), registry, logger }), Date.now);
  return await startAdminServer({
    ...httpListen,
    allowedHosts: httpAllowedHosts,
    tokens: httpTokens,
    tls: httpTls,
    surroundings: { look, inquiries },
    logger: logger.child("admin"),
  });
}
