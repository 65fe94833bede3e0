import { startAdminServer } from "../api/admin_server.ts";
import { Inquiries } from "../control/inquiries.ts";
import type { Installation } from "../control/installation.ts";
import type { Controls } from "../runtime/controls.ts";
import type { Listener } from "../runtime/handler_options.ts";
import type { Config } from "../settings/config.ts";

/**
 * Opens the listener of `HTTP_LISTEN`.
 *
 * @param address What the process was started with.
 * @param installation What is in force at the moment.
 * @throws {AdminError}
 */
export async function listenAsConfigured(
  address: NonNullable<Config["httpListen"]>,
  installation: () => Installation,
  controls: Controls,
): Promise<Listener> {
  const { config: { httpAllowedHosts, httpTls, httpTokens }, logger } = installation();
  const inquiries = new Inquiries(installation, Date.now);
  return await startAdminServer({
    ...address,
    allowedHosts: httpAllowedHosts,
    tokens: httpTokens,
    tls: httpTls,
    surroundings: { controls, installation, inquiries },
    logger: logger.child("admin"),
  });
}
