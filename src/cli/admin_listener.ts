import { startAdminServer } from "../api/admin_server.ts";
import { Inquiries } from "../control/inquiries.ts";
import type { Installation } from "../control/installation.ts";
import type { Controls } from "../runtime/controls.ts";
import type { Listener } from "../runtime/handler_options.ts";

/**
 * Opens the listener of `HTTP_LISTEN`; undefined: none is set.
 *
 * @param installation What is in force at the moment.
 * @throws {AdminError}
 */
export async function listenAsConfigured(
  installation: () => Installation,
  controls: Controls,
): Promise<Listener | undefined> {
  const { config: { httpAllowedHosts, httpListen, httpTls, httpTokens }, logger } = installation();
  if (httpListen === undefined) return undefined;
  const inquiries = new Inquiries(installation, Date.now);
  return await startAdminServer({
    ...httpListen,
    allowedHosts: httpAllowedHosts,
    tokens: httpTokens,
    tls: httpTls,
    surroundings: { controls, installation, inquiries },
    logger: logger.child("admin"),
  });
}
