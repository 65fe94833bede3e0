import { join } from "node:path";
import type { Authority } from "./certificates.ts";

const SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;";

/**
 * The listeners of the tests' broker, but the one behind the proxy with TLS, and the one with a login too.
 * Users log in there by PLAIN, or by SCRAM after {@link makeScramUser}.
 */
export async function secureListeners(authority: Authority, directory: string): Promise<string[]> {
  const { certFile, keyFile } = await authority.sign("broker", ["IP:127.0.0.1"]);
  const store = join(directory, "broker.store.pem");
  await Deno.writeTextFile(store, await Deno.readTextFile(keyFile) + await Deno.readTextFile(certFile));
  return [
    "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_SSL,PROXIED:SSL,CONTROLLER:PLAINTEXT",
    "ssl.keystore.type=PEM",
    `ssl.keystore.location=${store}`,
    "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    `listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config=${SCRAM}`,
    `listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config=${SCRAM}`,
  ];
}

/** The listener behind the proxy lets in whom the authority has signed, and nobody else. */
export function clientCertificates({ caFile }: Authority): string[] {
  return [
    "listener.name.proxied.ssl.client.auth=required",
    "listener.name.proxied.ssl.truststore.type=PEM",
    `listener.name.proxied.ssl.truststore.location=${caFile}`,
  ];
}
