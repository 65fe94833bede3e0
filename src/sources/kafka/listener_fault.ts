import { type Misfit, misfitOf } from "../../platform/kafka/listener.ts";
import type { KafkaAccess } from "./broker_connection.ts";
import type { ServerAddress } from "../../platform/net/server_socket.ts";

/** What to do where a broker wants a certificate of the client. */
export const CERTIFICATE_ADVICE = "give VABUS_CERT_FILE and VABUS_KEY_FILE";

/**
 * Why none of the brokers can be talked to in the way of the URL, for the operator; undefined: that is not
 * the reason.
 */
export async function listenerFault(
  brokers: readonly ServerAddress[],
  { tls, login }: KafkaAccess,
): Promise<string | undefined> {
  let fault: string | undefined;
  for (const broker of brokers) {
    const misfit = await misfitOf(broker, { tls, hasLogin: login !== undefined });
    if (misfit === "none") return undefined;
    if (misfit === undefined) continue;
    // Both end the connection, and the reason does not always arrive.
    const orCertificate = misfit === "login" && tls !== undefined && tls.cert === undefined
      ? `; or it wants a certificate of the client: ${CERTIFICATE_ADVICE}`
      : "";
    fault ??= `${broker.host}:${broker.port}: ${wordsOf(misfit)}${orCertificate}`;
  }
  return fault;
}

function wordsOf(misfit: Misfit): string {
  switch (misfit) {
    case "login":
      return "the broker wants a login on this port: give VABUS_URL with user, password and sasl=, or " +
        "name the port without one";
    case "no-tls":
      return "the broker speaks no TLS on this port: give VABUS_URL as kafka://, or name the port with TLS";
    case "tls":
      return "this port wants TLS: give VABUS_URL as kafkas://, or name the port without TLS";
    default:
      return `what answers there speaks ${misfit.speaks}, not Kafka's protocol: check host and port in ` +
        "VABUS_URL";
  }
}
