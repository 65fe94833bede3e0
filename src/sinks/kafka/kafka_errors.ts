import { SinkError, type SinkErrorKind } from "../../contract/sink.ts";
import { reasonOf } from "../../platform/log/denial.ts";

/** The errors of kafkajs: its own error, with the broker's error as the innermost cause. */
interface ClientError {
  readonly name: string;
  readonly message: string;
  /** The protocol's name of the error, such as `MESSAGE_TOO_LARGE`. */
  readonly type?: string;
  /** `host:port` of the broker that could not be connected to. */
  readonly broker?: string;
  readonly cause?: unknown;
}

const REJECTED_TYPES = [
  "MESSAGE_TOO_LARGE",
  "RECORD_LIST_TOO_LARGE",
  "INVALID_RECORD",
  "UNSUPPORTED_FOR_MESSAGE_FORMAT",
];

/** The error codes of brokers and kafkajs for a request that took too long. */
const TIMED_OUT_TYPES = ["REQUEST_TIMED_OUT"];
const TIMED_OUT_NAMES = ["KafkaJSRequestTimeoutError"];

const LOGIN_ADVICE =
  "Check KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD against the broker's users.";
const TLS_ADVICE = "Check KAFKA_SSL_CA_FILE, KAFKA_SSL_CERT_FILE and KAFKA_SSL_KEY_FILE.";
const NO_TRANSACTIONS_ADVICE = "Allow it, or set KAFKA_DELIVERY=at-least-once.";

/** The advice for an operator, by the protocol's name of the error. */
const ADVICE_OF_MISCONFIGURED: Readonly<Record<string, string>> = {
  SASL_AUTHENTICATION_FAILED: LOGIN_ADVICE,
  UNSUPPORTED_SASL_MECHANISM: LOGIN_ADVICE,
  ILLEGAL_SASL_STATE: LOGIN_ADVICE,
  SECURITY_DISABLED: LOGIN_ADVICE,
  TOPIC_AUTHORIZATION_FAILED:
    "Grant the user on KAFKA_TOPIC: WRITE and DESCRIBE, for exactly-once and verify --kafka READ, " +
    "and CREATE where it is missing.",
  GROUP_AUTHORIZATION_FAILED:
    "Grant the user READ on the group vabus-data-handler.<INSTANCE_ID>; for verify --kafka on all " +
    "that begin with it.",
  CLUSTER_AUTHORIZATION_FAILED:
    "Grant the user IDEMPOTENT_WRITE on the cluster and CREATE, or create KAFKA_TOPIC.",
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    "Grant the user WRITE on the transactional id vabus-data-handler.<INSTANCE_ID>, or set " +
    "KAFKA_DELIVERY=at-least-once.",
  INVALID_TRANSACTION_TIMEOUT: "Raise transaction.max.timeout.ms of the brokers to a minute at least.",
  INVALID_TIMESTAMP:
    "This host's clock is ahead of the brokers' by more than message.timestamp.after.max.ms: set it right.",
  INVALID_TOPIC_EXCEPTION: "Check KAFKA_TOPIC.",
  POLICY_VIOLATION: "Create KAFKA_TOPIC by hand.",
  INVALID_REPLICATION_FACTOR:
    "Create KAFKA_TOPIC by hand, or correct default.replication.factor of the brokers.",
  UNSUPPORTED_VERSION: NO_TRANSACTIONS_ADVICE,
  UNSUPPORTED_COMPRESSION_TYPE:
    "Set KAFKA_COMPRESSION to gzip or lz4: brokers before Kafka 2.1 know no zstd.",
};

/** The error of kafkajs that hides what the brokers have answered. */
const COORDINATOR_NOT_FOUND = "KafkaJSGroupCoordinatorNotFound";
const FEW_BROKERS_ADVICE =
  "The brokers cannot make or serve a topic of their own. With fewer than three of them, set " +
  "offsets.topic.replication.factor, transaction.state.log.replication.factor and " +
  "transaction.state.log.min.isr to their number, and start them again.";

const STARTING_ADVICE = "The broker is still reading its own topics; if that does not pass, look at its log.";

/**
 * The advice for errors that pass while a broker starts, but not where its internal topics need more brokers
 * than there are.
 */
const ADVICE_OF_UNAVAILABLE: Readonly<Record<string, string>> = {
  GROUP_COORDINATOR_NOT_AVAILABLE: FEW_BROKERS_ADVICE,
  GROUP_LOAD_IN_PROGRESS: STARTING_ADVICE,
  NOT_COORDINATOR_FOR_GROUP: STARTING_ADVICE,
  CONCURRENT_TRANSACTIONS:
    "The brokers have not ended the transaction before this one. If that does not pass, too few of them " +
    "are there for min.insync.replicas of KAFKA_TOPIC or for transaction.state.log.min.isr.",
  NOT_ENOUGH_REPLICAS: "Start the missing brokers, or lower min.insync.replicas of KAFKA_TOPIC.",
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: "Start the missing brokers, or lower min.insync.replicas of KAFKA_TOPIC.",
};

/** What kafkajs says of a broker whose connection has ended before it was asked what it can do. */
const NOT_CONNECTED = "Broker not connected";
const SILENT_ADVICE = "It takes connections and does not answer: does it hang?";

const ADVICE_OF_NAME: Readonly<Record<string, string>> = {
  KafkaJSSASLAuthenticationError: LOGIN_ADVICE,
  KafkaJSServerDoesNotSupportApiKey: NO_TRANSACTIONS_ADVICE,
};

/** The group and the transactional id in advice. */
const GROUP = "vabus-data-handler.<INSTANCE_ID>";

/**
 * Classifies the errors of kafkajs.
 *
 * @param address The addresses of the brokers.
 * @param group The name of the group and of the transactional id, where it differs.
 */
export function toKafkaSinkError(error: unknown, address: string, group = GROUP): SinkError {
  const chain = causes(error);
  const type = chain.findLast((cause) => cause.type !== undefined)?.type ?? "";
  const { message } = chain.at(-1)!;
  const [kind, known] = classify(chain, type, message);
  const advice = known || adviceOnListener(chain, address);
  return new SinkError(
    kind,
    `Kafka at ${address}: ${reasonOf(message)}.${advice && ` ${advice.replaceAll(GROUP, group)}`}`,
    { cause: error },
  );
}

/** Whether the broker no longer accepts this producer because another one has its transactional id. */
export function isFenced(error: unknown): boolean {
  return causes(error).some(({ type, message }) =>
    // kafkajs does not know the newer of the two errors, PRODUCER_FENCED, by name.
    type === "INVALID_PRODUCER_EPOCH" || (type === "KAFKAJS_UNKNOWN_ERROR_CODE" && /\b90$/.test(message))
  );
}

/** Whether kafkajs hides what the brokers have answered. */
export function hidesItsReason(error: unknown): boolean {
  return causes(error).some(({ name }) => name === COORDINATOR_NOT_FOUND);
}

function classify(chain: ClientError[], type: string, message: string): [SinkErrorKind, string] {
  if (REJECTED_TYPES.includes(type)) return ["rejected", ""];
  if (TIMED_OUT_TYPES.includes(type) || chain.some((cause) => TIMED_OUT_NAMES.includes(cause.name))) {
    return ["timed_out", ""];
  }
  const name = chain.find((cause) => cause.name in ADVICE_OF_NAME)?.name;
  const advice = ADVICE_OF_MISCONFIGURED[type] ?? (name && ADVICE_OF_NAME[name]);
  if (advice !== undefined) return ["misconfigured", advice];
  if (/certificate|\bPEM\b|private key/i.test(message)) return ["misconfigured", TLS_ADVICE];
  const ofCoordinator = chain.some(({ name }) => name === COORDINATOR_NOT_FOUND);
  if (message === NOT_CONNECTED) return ["unavailable", SILENT_ADVICE];
  return ["unavailable", ADVICE_OF_UNAVAILABLE[type] ?? (ofCoordinator ? FEW_BROKERS_ADVICE : "")];
}

/** The advice where a broker cannot be connected to that the settings do not name. */
function adviceOnListener(chain: ClientError[], address: string): string {
  const broker = chain.find((cause) => cause.broker !== undefined)?.broker;
  if (broker === undefined || address.split(", ").includes(broker)) return "";
  return `The cluster names ${broker} as the address of a broker (advertised.listeners): this host must ` +
    "reach it.";
}

/** The error and its causes, outermost first. */
function causes(error: unknown): ClientError[] {
  const chain: ClientError[] = [];
  // The request has one topic only.
  const next = (cause: Error) => cause.cause ?? (cause as { errors?: readonly unknown[] }).errors?.[0];
  for (let cause = error; cause instanceof Error; cause = next(cause)) {
    if (chain.includes(cause)) break;
    chain.push(cause);
  }
  return chain.length > 0 ? chain : [{ name: "Error", message: String(error) }];
}
