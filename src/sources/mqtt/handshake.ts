import type { Logger } from "../../platform/log/logger.ts";
import { BodyReader, NO_PROPERTIES, type Properties } from "./body_reader.ts";
import type { MqttConnection } from "./mqtt_connection.ts";
import { refusal, sourceErrorOf } from "./mqtt_errors.ts";
import type { WantedQos } from "./mqtt_url.ts";
import { CONNACK } from "./packet_types.ts";
import { type ConnectOptions, connectPacket } from "./packet_writer.ts";
import { connectAnswer, UNSUPPORTED_VERSION } from "./reason_codes.ts";

const SESSION_EXPIRY = 0x11;
const SERVER_KEEP_ALIVE = 0x13;
const MAXIMUM_QOS = 0x24;
const HAS_SUBSCRIPTION_IDENTIFIERS = 0x29;
const QOS_NOT_SUPPORTED = 0x9b;

/** What a broker has answered to a CONNECT that it has accepted. */
export interface Accepted {
  /** Whether the broker has kept the session of an earlier connection. */
  readonly isSessionPresent: boolean;
  /** Seconds between two packets at most; 0: it does not matter. */
  readonly keepAlive: number;
}

/** The broker does not have the version of the protocol. */
export const WRONG_VERSION = "wrong version";

/** Introduces the client. @throws {SourceError} */
export async function shakeHands(
  connection: MqttConnection,
  options: ConnectOptions,
  qos: WantedQos,
  logger: Logger | undefined,
  signal: AbortSignal,
): Promise<Accepted | typeof WRONG_VERSION> {
  const { level, name } = connection;
  const { body } = await connection.request(connectPacket(options), CONNACK, signal);
  let isSessionPresent: boolean;
  let code: number;
  let properties: Properties;
  try {
    const reader = new BodyReader(body);
    isSessionPresent = (reader.uint8() & 1) === 1;
    code = connectAnswer(reader.uint8());
    properties = level === 5 && reader.rest > 0 ? reader.properties() : NO_PROPERTIES;
  } catch (error) {
    const failure = sourceErrorOf(name, error);
    connection.fail(failure);
    throw failure;
  }
  if (code === UNSUPPORTED_VERSION && level === 5) return WRONG_VERSION;
  if (code !== 0) throw refusal(name, "refuses the connection", code);
  const { numbers } = properties;
  if ((numbers.get(MAXIMUM_QOS) ?? 2) < qos) {
    throw refusal(name, `has no QoS ${qos}`, QOS_NOT_SUPPORTED);
  }
  if (numbers.get(HAS_SUBSCRIPTION_IDENTIFIERS) === 0) connection.tellsSubscriptions = false;
  const expiry = numbers.get(SESSION_EXPIRY);
  if (expiry !== undefined && expiry < options.sessionExpiry) {
    logger?.warn(
      "the broker keeps sessions for a shorter time than they are asked for: a handler that is away for " +
        "longer loses messages",
      { broker: name, seconds: expiry },
    );
  }
  return { isSessionPresent, keepAlive: numbers.get(SERVER_KEEP_ALIVE) ?? options.keepAlive };
}
