import { SourceError, type SourceErrorKind } from "../../contract/source.ts";
import { WireFault } from "../../platform/kafka/wire_reader.ts";

/** Numbers of errors in Kafka's protocol. */
export const OFFSET_OUT_OF_RANGE = 1;
const UNKNOWN_TOPIC_OR_PARTITION = 3;
const UNKNOWN_TOPIC_ID = 100;

/** Errors that new metadata may help against: the partition has another leader, or the topic another id. */
const OF_OLD_METADATA = new Set([UNKNOWN_TOPIC_OR_PARTITION, 5, 6, 9, 56, 74, 75, 78, UNKNOWN_TOPIC_ID, 103]);

const READ_ADVICE = "grant the user READ and DESCRIBE on the topic";
const LOGIN_ADVICE = "check user, password and sasl= of the URL against the broker's users";

/** What an error is called, and what an operator can do about it. */
const KNOWN: Readonly<Record<number, readonly [name: string, kind: SourceErrorKind, advice: string]>> = {
  2: ["CORRUPT_MESSAGE", "garbage", "the broker's log is damaged: look at the broker's own log"],
  3: ["UNKNOWN_TOPIC_OR_PARTITION", "unavailable", "the broker has no such topic or partition"],
  5: ["LEADER_NOT_AVAILABLE", "unavailable", "the partition has no leader: is a broker down?"],
  6: ["NOT_LEADER_OR_FOLLOWER", "unavailable", ""],
  7: ["REQUEST_TIMED_OUT", "unavailable", ""],
  9: ["REPLICA_NOT_AVAILABLE", "unavailable", ""],
  13: ["NETWORK_EXCEPTION", "unavailable", ""],
  14: ["COORDINATOR_LOAD_IN_PROGRESS", "unavailable", ""],
  15: ["COORDINATOR_NOT_AVAILABLE", "unavailable", ""],
  16: ["NOT_COORDINATOR", "unavailable", ""],
  17: ["INVALID_TOPIC_EXCEPTION", "refused", "check the topic in VABUS_URL"],
  25: ["UNKNOWN_MEMBER_ID", "refused", "the group has members of its own: a consumer uses the same name"],
  29: ["TOPIC_AUTHORIZATION_FAILED", "refused", READ_ADVICE],
  30: ["GROUP_AUTHORIZATION_FAILED", "refused", "grant the user READ on the group"],
  31: ["CLUSTER_AUTHORIZATION_FAILED", "refused", READ_ADVICE],
  33: ["UNSUPPORTED_SASL_MECHANISM", "refused", "the broker does not have the sasl= of the URL"],
  34: ["ILLEGAL_SASL_STATE", "refused", LOGIN_ADVICE],
  35: ["UNSUPPORTED_VERSION", "refused", "Kafka 0.11 or newer is needed"],
  56: ["KAFKA_STORAGE_ERROR", "unavailable", "the broker's disk fails: look at the broker's own log"],
  58: ["SASL_AUTHENTICATION_FAILED", "refused", LOGIN_ADVICE],
  74: ["FENCED_LEADER_EPOCH", "unavailable", ""],
  75: ["UNKNOWN_LEADER_EPOCH", "unavailable", ""],
  78: ["OFFSET_NOT_AVAILABLE", "unavailable", ""],
  100: ["UNKNOWN_TOPIC_ID", "unavailable", ""],
  103: ["INCONSISTENT_TOPIC_ID", "unavailable", ""],
};

/** Whether new metadata may help against an error. */
export function isOfOldMetadata(code: number): boolean {
  return OF_OLD_METADATA.has(code);
}

/** Whether a topic is not there. */
export function isOfUnknownTopic(code: number): boolean {
  return code === UNKNOWN_TOPIC_OR_PARTITION || code === UNKNOWN_TOPIC_ID;
}

/**
 * An error that a broker has answered with.
 *
 * @param subject What it is about: `kafka://b:9092/t, partition t/0`.
 */
export function brokerError(subject: string, code: number): SourceError {
  const [name, kind, advice] = KNOWN[code] ?? [`error ${code}`, "unavailable", ""];
  return new SourceError(kind, `${subject}: the broker answers ${name}${advice && `: ${advice}`}`);
}

/** What went wrong with a connection, for the operator. @param name The broker, for messages. */
export function sourceErrorOf(name: string, error: unknown): SourceError {
  if (error instanceof SourceError) return error;
  if (error instanceof WireFault) return new SourceError("garbage", `what ${name} answers ${error.message}`);
  const message = error instanceof Error ? error.message : String(error);
  if (/certificate|\bPEM\b|private key|self.signed|UnknownIssuer/i.test(message)) {
    return new SourceError(
      "refused",
      `${name}: ${message}: check VABUS_CA_FILE, VABUS_CERT_FILE and VABUS_KEY_FILE`,
      undefined,
      { cause: error },
    );
  }
  return new SourceError("unavailable", `${name} cannot be reached: ${message}`, undefined, { cause: error });
}
