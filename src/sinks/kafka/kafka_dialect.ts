import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { type Dialect, dialectOf, speaks } from "../../platform/net/dialect.ts";
import type { KafkaConnectionOptions } from "./kafka_session.ts";
import { SinkError } from "../../contract/sink.ts";

const LOGIN_LIMIT_MS = 2000;
/**
 * A Metadata request of version 1 about no topic. A broker that wants a login first closes the connection
 * instead of answering.
 */
const METADATA_OF_NOTHING = Uint8Array.of(0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0);

/**
 * Checks that one of the brokers speaks the protocol of the settings. Without it, kafkajs would retry for a
 * minute. Where no broker can be reached, kafkajs reports it.
 *
 * @throws {SinkError} `misconfigured`, with the setting to change.
 */
export async function assertDialect({ bootstrapServers, ssl, sasl }: KafkaConnectionOptions): Promise<void> {
  let objection: string | undefined;
  for (const server of bootstrapServers) {
    const { host, port } = parsed(server);
    const expected = ssl === undefined ? "Kafka" : "TLS";
    const dialect = await speaks(expected, host, port) ? expected : await dialectOf(host, port);
    const found = dialect && objectionTo(dialect, ssl !== undefined);
    if (dialect !== undefined && found === undefined) {
      const isLoginMissing = sasl === undefined && await closesOnStrangers(host, port, ssl);
      if (!isLoginMissing) return;
    }
    if (dialect === undefined) continue;
    objection ??= `Kafka at ${server}: ` +
      `${
        found ??
          "the broker wants a login on this port. Set KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD, or name in " +
            "KAFKA_BOOTSTRAP_SERVERS the port without one"
      }.`;
  }
  if (objection !== undefined) throw new SinkError("misconfigured", objection);
}

function objectionTo(dialect: Dialect, wantsTls: boolean): string | undefined {
  if (dialect === (wantsTls ? "TLS" : "Kafka")) return undefined;
  if (dialect === "Kafka") {
    return "the broker speaks no TLS on this port. Set KAFKA_SSL=false, or name in " +
      "KAFKA_BOOTSTRAP_SERVERS the port with TLS";
  }
  if (dialect === "TLS") {
    return "this port wants TLS. Set KAFKA_SSL=true, or name in KAFKA_BOOTSTRAP_SERVERS the port without TLS";
  }
  return `what answers there speaks ${dialect}, not Kafka's protocol. Check host and port in ` +
    "KAFKA_BOOTSTRAP_SERVERS";
}

function parsed(server: string): { host: string; port: number } {
  const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(server)!;
  return { host: host!, port: Number(port) };
}

function closesOnStrangers(
  host: string,
  port: number,
  ssl: KafkaConnectionOptions["ssl"],
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const ask = () => socket.write(METADATA_OF_NOTHING);
  const certificate = ssl === undefined || ssl === true ? {} : { cert: ssl.cert, key: ssl.key };
  // The certificate is not checked here, since nothing secret is sent. The login checks it.
  const socket = ssl === undefined
    ? connect(port, host, ask)
    : connectTls({ host, port, rejectUnauthorized: false, ...certificate }, ask);
  const timer = setTimeout(() => resolve(false), LOGIN_LIMIT_MS);
  // A TLS alert, such as for a missing certificate, is not a request for a login.
  socket.once("error", (error) => /alert/i.test(error.message) && resolve(false));
  socket.once("data", () => resolve(false)).once("close", () => resolve(true));
  socket.on("error", () => {});
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}
