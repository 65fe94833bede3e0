import { connect } from "node:net";
import { connect as connectTls } from "node:tls";

/** The protocol that a server speaks, as far as it shows before a login. */
export type Dialect = "TLS" | "HTTP" | "PostgreSQL" | "Kafka" | "SSH" | "Redis" | "NATS" | "MQTT";

const LIMIT_MS = 2000;
const NEVER = new AbortController().signal;
const POSTGRES_SSL_REQUEST = Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47);
/**
 * An ApiVersions request of version 0, which every broker answers to everybody, with a number that the answer
 * repeats.
 */
const KAFKA_MARK = [0x56, 0x42, 0x4d, 0x31];
const KAFKA_VERSIONS = Uint8Array.of(0, 0, 0, 10, 0, 18, 0, 0, ...KAFKA_MARK, 0xff, 0xff);
const HTTP_REQUEST = new TextEncoder().encode("HEAD / HTTP/1.0\r\n\r\n");
/** A CONNECT of MQTT 3.1.1 without a name, of a session that ends with the connection. */
const MQTT_CONNECT = Uint8Array.of(0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60, 0, 0);
const MQTT_CONNACK = 0x20;
const TLS_ALERT = 0x15;

const OPENINGS = {
  PostgreSQL: POSTGRES_SSL_REQUEST,
  Kafka: KAFKA_VERSIONS,
  HTTP: HTTP_REQUEST,
  MQTT: MQTT_CONNECT,
} as const;

/**
 * Whether a port speaks the expected protocol. The opening that is sent is harmless to such a server. Takes
 * two seconds at most.
 */
export async function speaks(
  dialect: "TLS" | keyof typeof OPENINGS,
  host: string,
  port: number,
): Promise<boolean> {
  if (dialect === "TLS") return await speaksTls(host, port);
  return recognised(await ask(host, port, OPENINGS[dialect])) === dialect;
}

/**
 * Tries several protocols on a port at once, after a client was not understood. Takes two seconds at most.
 * Undefined: nobody listens there, the protocol is not known, or the signal has fired.
 */
export async function dialectOf(
  host: string,
  port: number,
  signal: AbortSignal = NEVER,
): Promise<Dialect | undefined> {
  if (signal.aborted) return undefined;
  const { promise: calledOff, resolve } = Promise.withResolvers<undefined>();
  const callOff = () => resolve(undefined);
  signal.addEventListener("abort", callOff, { once: true });
  const answered = Promise.all([
    speaksTls(host, port),
    ...Object.values(OPENINGS).map((words) => ask(host, port, words)),
  ]);
  const found = await Promise.race([answered, calledOff]);
  signal.removeEventListener("abort", callOff);
  if (found === undefined) return undefined;
  const [isTls, ...answers] = found;
  return isTls ? "TLS" : answers.map(recognised).find((dialect) => dialect !== undefined);
}

function recognised(answer: Uint8Array): Dialect | undefined {
  const text = new TextDecoder("latin1").decode(answer.subarray(0, 8));
  if (text.startsWith("SSH-")) return "SSH";
  if (text.startsWith("INFO {")) return "NATS";
  if (answer[0] === MQTT_CONNACK && answer[1] === 2) return "MQTT";
  if (text.startsWith("HTTP/")) return "HTTP";
  if (text.startsWith("-ERR") || text.startsWith("-NOAUTH")) return "Redis";
  if (text === "S" || text === "N") return "PostgreSQL";
  if (KAFKA_MARK.every((byte, i) => answer[4 + i] === byte)) return "Kafka";
  return answer[0] === TLS_ALERT && answer[1] === 3 ? "TLS" : undefined;
}

/** The first bytes of the answer; empty where there is none. */
function ask(host: string, port: number, words: Uint8Array): Promise<Uint8Array> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  const nothing = () => resolve(new Uint8Array());
  const socket = connect(port, host, () => socket.write(words));
  const timer = setTimeout(nothing, LIMIT_MS);
  socket.once("data", resolve).once("error", nothing).once("close", nothing).on("error", () => {});
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

/** Whether a TLS handshake succeeds, or is refused by a TLS alert. The certificate is not checked. */
function speaksTls(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connectTls({ host, port, rejectUnauthorized: false }, () => resolve(true));
  const timer = setTimeout(() => resolve(false), LIMIT_MS);
  socket.once("error", (error) => resolve(/alert/i.test(error.message))).once("close", () => resolve(false));
  socket.on("error", () => {});
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}
