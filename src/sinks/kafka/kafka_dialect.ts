import { type Misfit, misfitOf } from "../../platform/kafka/listener.ts";
import type { KafkaConnectionOptions } from "./kafka_session.ts";
import { SinkError } from "../../contract/sink.ts";

/**
 * The brokers that a session begins with: the first one of the settings that answers, else all of them.
 * kafkajs begins with the first of its list. Where that one takes connections and does not answer, as a
 * frozen one, kafkajs never goes on to the next.
 *
 * Checks too that one of them speaks the protocol of the settings. Without it, kafkajs would retry for a
 * minute. Where no broker can be reached, kafkajs reports it.
 *
 * @throws {SinkError} `misconfigured`, with the setting to change.
 */
export async function brokersThatAnswer(
  { bootstrapServers, ssl, sasl }: KafkaConnectionOptions,
): Promise<readonly string[]> {
  let objection: string | undefined;
  for (const server of bootstrapServers) {
    const misfit = await misfitOf(parsed(server), { tls: ssl, hasLogin: sasl !== undefined });
    if (misfit === "none") return [server];
    if (misfit !== undefined) objection ??= `Kafka at ${server}: ${wordsOf(misfit)}.`;
  }
  if (objection !== undefined) throw new SinkError("misconfigured", objection);
  return bootstrapServers;
}

function wordsOf(misfit: Misfit): string {
  switch (misfit) {
    case "login":
      return "the broker wants a login on this port. Set KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and " +
        "KAFKA_SASL_PASSWORD, or name in KAFKA_BOOTSTRAP_SERVERS the port without one";
    case "no-tls":
      return "the broker speaks no TLS on this port. Set KAFKA_SSL=false, or name in " +
        "KAFKA_BOOTSTRAP_SERVERS the port with TLS";
    case "tls":
      return "this port wants TLS. Set KAFKA_SSL=true, or name in KAFKA_BOOTSTRAP_SERVERS the port " +
        "without TLS";
    default:
      return `what answers there speaks ${misfit.speaks}, not Kafka's protocol. Check host and port in ` +
        "KAFKA_BOOTSTRAP_SERVERS";
  }
}

function parsed(server: string): { host: string; port: number } {
  const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(server)!;
  return { host: host!, port: Number(port) };
}
