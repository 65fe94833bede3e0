/** What becomes of each setting in the script. The documents and a test hold that none is forgotten. */

/**
 * - `script`: a statement of the script says it.
 * - `differs`: a statement says the most that Flink has.
 * - `handler`: it is about the handler's own process, and Flink has settings of its own.
 * - `cannot`: Flink SQL has nothing like it.
 */
export type Counterpart = "script" | "differs" | "handler" | "cannot";

interface SettingNote {
  readonly counterpart: Counterpart;
  /** What says it, or why nothing does: the end of a sentence that begins with the setting. */
  readonly words: string;
}

function note(counterpart: Counterpart, words: string): SettingNote {
  return { counterpart, words };
}

const TELEMETRY = note("handler", "is about this process: Flink has metric reporters of its own");
const LISTENER = note("handler", "is about the admin listener: Flink has its own web page");
const SHARES = note("handler", "has no effect: the subtasks of the job share all partitions");
const SQLITE = note("cannot", "is left out: Flink has no connector for SQLite");
const MAPPED = note("script", "is in the columns of the bus's table and in the view on it");
const CLIENT = note("script", "is in the options of the bus's table");
const SINK = note("script", "is in the options of the sink's table");

/** By the names of the settings. */
export const SETTING_NOTES: Readonly<Record<string, SettingNote>> = {
  STORAGE_TYPE: note("script", "makes a table for each sink that Flink can write to"),
  ROUTES: note("script", "is in the condition of each INSERT"),
  KAFKA_BOOTSTRAP_SERVERS: SINK,
  KAFKA_TOPIC: SINK,
  KAFKA_SASL_MECHANISM: SINK,
  KAFKA_SASL_USERNAME: SINK,
  KAFKA_SASL_PASSWORD: note("script", "stands as ${KAFKA_SASL_PASSWORD}"),
  KAFKA_SSL: SINK,
  KAFKA_SSL_CA_FILE: SINK,
  KAFKA_SSL_CERT_FILE: SINK,
  KAFKA_SSL_KEY_FILE: note("script", "stands as ${KAFKA_SSL_KEY}"),
  KAFKA_COMPRESSION: SINK,
  KAFKA_DELIVERY: SINK,
  POSTGRES_CONNECTION_STRING: note(
    "differs",
    "becomes the URL of JDBC, with the password as ${POSTGRES_PASSWORD}",
  ),
  POSTGRES_SSL_CA_FILE: note("differs", "must lie on each TaskManager as ~/.postgresql/root.crt"),
  POSTGRES_TABLE: SINK,
  POSTGRES_CREATE_TABLE: note("cannot", "has no effect: the table must be there"),
  SQLITE_PATH: SQLITE,
  SQLITE_MODE: SQLITE,
  SQLITE_RETENTION: SQLITE,
  AGGREGATION_INTERVAL: note("script", "makes a view for each tier"),
  AGG_FUNCTIONS: note("script", "is in the view readings"),
  ALLOWED_LATENESS: note("script", "is in the watermark of the bus's table"),
  CORRECTION_HORIZON: note(
    "cannot",
    "has no effect: an event that comes after its window has closed is dropped",
  ),
  IDLE_TIMEOUT: note(
    "differs",
    "is one minute at least, and where all partitions are idle the last windows stay open",
  ),
  MAX_WAIT: note(
    "cannot",
    "has no effect: windows wait for a bus that is out of reach as long as that takes",
  ),
  DEDUP_MAX_IDS: note("differs", "is a time instead of a number: table.exec.state.ttl"),
  MAX_FUTURE_SKEW: note("script", "is in the event time of the bus's table, in whole seconds"),
  MAX_SERIES: note("cannot", "has no effect: Flink's state is bounded by its memory or its disk"),
  VABUS_URL: note("differs", "makes a table for each topic of Kafka; other buses are left out"),
  DEFAULT_VABUS_URL: note("differs", "is as VABUS_URL"),
  VABUS_TOKEN: note("cannot", "is left out: it is for buses that Flink does not read"),
  VABUS_CA_FILE: CLIENT,
  VABUS_CERT_FILE: CLIENT,
  VABUS_KEY_FILE: note("script", "stands as ${VABUS_KEY}"),
  VABUS_BATCH_SIZE: note("handler", "has no effect: Flink's consumer decides by bytes"),
  VABUS_MODE: note("cannot", "is left out: it is for buses that Flink does not read"),
  VABUS_USERNAME: CLIENT,
  VABUS_PASSWORD: note("script", "stands as ${VABUS_PASSWORD}"),
  VABUS_CREDENTIALS: note("cannot", "is left out: it is for buses that Flink does not read"),
  INBOX_MAX_BYTES: note("cannot", "is left out: Flink does not listen"),
  EVENT_FORMAT: MAPPED,
  EVENT_NAME: MAPPED,
  EVENT_VALUE: MAPPED,
  EVENT_TIMESTAMP: MAPPED,
  EVENT_TIME_UNIT: MAPPED,
  EVENT_FUNCTION: MAPPED,
  EVENT_ID: MAPPED,
  EVENT_LABELS: MAPPED,
  STATE_DIR: note("handler", "is about this host: Flink keeps checkpoints in execution.checkpointing.dir"),
  INSTANCE_ID: note("script", "is, with .flink behind it, the instance of each aggregate"),
  INSTANCE_COUNT: SHARES,
  INSTANCE_INDEX: SHARES,
  INSTANCE_GROUP: SHARES,
  CHECKPOINT_INTERVAL: note("script", "is execution.checkpointing.interval"),
  OUTBOX_MAX_ROWS: note(
    "handler",
    "has no effect: a sink that is away stops the job, which starts again by itself",
  ),
  METRICS_INTERVAL: note("handler", "has no effect: Flink's metrics have reporters of their own"),
  HTTP_LISTEN: LISTENER,
  HTTP_ALLOWED_HOSTS: LISTENER,
  VIEWER_TOKEN: LISTENER,
  ADMIN_TOKEN: LISTENER,
  HTTP_CERT_FILE: LISTENER,
  HTTP_KEY_FILE: LISTENER,
  HTTP_CLIENT_CA_FILE: LISTENER,
  LOG_LEVEL: note("handler", "is about this process: Flink has conf/log4j.properties"),
  LOG_FORMAT: note("handler", "is about this process: Flink has conf/log4j.properties"),
  OTEL_EXPORTER_OTLP_ENDPOINT: TELEMETRY,
  OTEL_EXPORTER_OTLP_HEADERS: TELEMETRY,
  OTEL_EXPORTER_OTLP_PROTOCOL: TELEMETRY,
  OTEL_EXPORTER_OTLP_CERTIFICATE: TELEMETRY,
  OTEL_SERVICE_NAME: TELEMETRY,
  OTEL_RESOURCE_ATTRIBUTES: TELEMETRY,
  OTEL_TRACES_SAMPLER: TELEMETRY,
  OTEL_TRACES_SAMPLER_ARG: TELEMETRY,
  OTEL_TRACES_EXPORTER: TELEMETRY,
  OTEL_METRICS_EXPORTER: TELEMETRY,
  OTEL_LOGS_EXPORTER: TELEMETRY,
  OTEL_METRIC_EXPORT_INTERVAL: TELEMETRY,
  OTEL_SDK_DISABLED: TELEMETRY,
};

/** What has no counterpart, or another one, of the settings that are given: a sentence each. */
export function differences(given: Iterable<string>): string[] {
  return [...given].flatMap((name) => {
    const known = SETTING_NOTES[name];
    return known === undefined || known.counterpart === "script" ? [] : [`${name} ${known.words}.`];
  });
}
