import { join } from "node:path";
import type { Authority } from "./certificates.ts";

/**
 * The listeners of the tests' broker, but the one behind the proxy with TLS, and the one with a login too.
 */
export async function secureListeners(authority: Authority, directory: string): Promise<string[]> {
  const { certFile, keyFile } = await authority.sign("broker", ["IP:127.0.0.1"]);
  const store = join(directory, "broker.store.pem");
  await Deno.writeTextFile(store, await Deno.readTextFile(keyFile) + await Deno.readTextFile(certFile));
  return [
    "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_SSL,PROXIED:SSL,CONTROLLER:PLAINTEXT",
    "ssl.keystore.type=PEM",
    `ssl.keystore.location=${store}`,
  ];
}
