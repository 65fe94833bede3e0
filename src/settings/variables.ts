import {
  anyText,
  boolean,
  choice,
  choices,
  duration,
  fileMode,
  hostNames,
  hostPorts,
  httpUrls,
  integer,
  listenAddress,
  path,
  pattern,
  postgresString,
  type ValueType,
} from "./value_type.ts";

export const SINK_NAMES = ["kafka", "postgres", "sqlite", "stdout"] as const;
export type SinkName = typeof SINK_NAMES[number];

export const GROUPS = [
  "Destinations",
  "Kafka",
  "PostgreSQL",
  "SQLite",
  "Windows and time",
  "VaBus",
  "State and delivery",
  "Metrics and administration",
  "Logging",
] as const;
export type Group = typeof GROUPS[number];

interface Description {
  readonly group: Group;
  /** One line for help and README: what it is, with its unit. */
  readonly help: string;
  readonly example: string;
  /** Shown for a default that depends on the machine or on other variables. */
  readonly defaultText?: string;
  /** Never shown; also read from the file that `<NAME>_FILE` names. */
  readonly secret?: true;
  /** No secret, but comes with one: also read from the file that `<NAME>_FILE` names. */
  readonly fromFile?: true;
  /** A change takes effect at the next start only, not where a running service reads its settings again. */
  readonly atStart?: true;
}

export interface Variable<T, D = string | undefined> extends Description {
  readonly type: ValueType<T>;
  /** As an operator would write it; undefined: there is none, or it is computed. */
  readonly default: D;
}

function withDefault<T>(type: ValueType<T>, value: string, description: Description): Variable<T, string> {
  return { type, default: value, ...description };
}

function optional<T>(type: ValueType<T>, description: Description): Variable<T, undefined> {
  return { type, default: undefined, ...description };
}

const DAY = 86_400;
const YEAR = 366 * DAY;

/** Every setting there is. Environment, flags, help, the effective configuration and the README come from this table. */
export const VARIABLES = {
  STORAGE_TYPE: withDefault(choices(SINK_NAMES), "sqlite", {
    group: "Destinations",
    help: "where aggregates go; stdout writes one JSON line an aggregate",
    example: "kafka,postgres",
    atStart: true,
  }),
  ROUTES: optional(
    anyText("<routes>", "pattern=sink,…;… with a last pattern *, such as orders.*=kafka;*=none"),
    {
      group: "Destinations",
      help:
        "which names go where: * = any characters, first match wins, the last must be a catch-all; *=none drops",
      example: "orders.*=kafka;audit.*=kafka,postgres;*=postgres",
      defaultText: "all to all",
    },
  ),

  KAFKA_BOOTSTRAP_SERVERS: optional(hostPorts(), {
    group: "Kafka",
    help: "brokers to begin with",
    example: "broker1:9092,broker2:9092",
  }),
  KAFKA_TOPIC: withDefault(
    pattern(
      "<topic>",
      "1 to 249 of letters, digits, dot, underscore and hyphen",
      /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/,
    ),
    "vabus.aggregates",
    { group: "Kafka", help: "topic of the aggregates", example: "plant7.aggregates" },
  ),
  KAFKA_SASL_MECHANISM: optional(choice(["plain", "scram-sha-256", "scram-sha-512"]), {
    group: "Kafka",
    help: "how to log in",
    example: "scram-sha-512",
    defaultText: "off",
  }),
  KAFKA_SASL_USERNAME: optional(anyText("<name>", "a user name"), {
    group: "Kafka",
    help: "user to log in as",
    example: "vabus",
    fromFile: true,
  }),
  KAFKA_SASL_PASSWORD: optional(anyText("<password>", "a password"), {
    group: "Kafka",
    help: "its password",
    example: "KAFKA_SASL_PASSWORD_FILE=/run/secrets/kafka",
    secret: true,
  }),
  KAFKA_SSL: withDefault(boolean(), "false", { group: "Kafka", help: "TLS to the brokers", example: "true" }),
  KAFKA_SSL_CA_FILE: optional(path("the path of a readable PEM file"), {
    group: "Kafka",
    help: "PEM file with the authority that signed the brokers' certificates",
    example: "/etc/vabus/kafka-ca.pem",
    defaultText: "the system's authorities",
  }),
  KAFKA_SSL_CERT_FILE: optional(path("the path of a readable PEM file"), {
    group: "Kafka",
    help: "PEM file with the client certificate",
    example: "/etc/vabus/kafka.pem",
  }),
  KAFKA_SSL_KEY_FILE: optional(path("the path of a readable PEM file"), {
    group: "Kafka",
    help: "PEM file with the key of the client certificate",
    example: "/etc/vabus/kafka.key",
  }),
  KAFKA_DELIVERY: withDefault(choice(["exactly-once", "at-least-once"]), "exactly-once", {
    group: "Kafka",
    help: "at-least-once does without transactions, for brokers that forbid them",
    example: "at-least-once",
  }),

  POSTGRES_CONNECTION_STRING: optional(postgresString(), {
    group: "PostgreSQL",
    help: "server, user and database, as libpq has them",
    example: "postgres://vabus:secret@db:5432/plant",
    secret: true,
  }),
  POSTGRES_SSL_CA_FILE: optional(path("the path of a readable PEM file"), {
    group: "PostgreSQL",
    help:
      "PEM file with the authority that signed the server's certificate, unless the connection string has " +
      "sslrootcert; sslmode is verify-full then, unless it is given",
    example: "/etc/vabus/postgres-ca.pem",
    defaultText: "Mozilla's and the system's authorities",
  }),
  POSTGRES_TABLE: withDefault(
    pattern(
      "<table>",
      "table or schema.table; each of letters, digits, _ and $, no digit first, at most 63",
      /^(?:[A-Za-z_][A-Za-z0-9_$]{0,62}\.)?[A-Za-z_][A-Za-z0-9_$]{0,62}$/,
    ),
    "aggregated_events",
    { group: "PostgreSQL", help: "table of the aggregates", example: "metering.aggregated_events" },
  ),
  POSTGRES_CREATE_TABLE: withDefault(boolean(), "true", {
    group: "PostgreSQL",
    help: "create the table when it is missing",
    example: "false",
  }),

  SQLITE_PATH: optional(path("the path of a file"), {
    group: "SQLite",
    help: "file of the embedded sink",
    example: "/srv/vabus/aggregates.sqlite",
    defaultText: "<STATE_DIR>/aggregates.sqlite",
  }),
  SQLITE_MODE: optional(fileMode(), {
    group: "SQLite",
    help: "who may read the file beside its owner, as for chmod; set, it also changes a file that is there",
    example: "0640",
    defaultText: "0600 for a new file",
  }),

  AGGREGATION_INTERVAL: withDefault(duration(0.1, DAY), "60", {
    group: "Windows and time",
    help: "window length",
    example: "10s",
  }),
  ALLOWED_LATENESS: withDefault(duration(0, DAY), "5", {
    group: "Windows and time",
    help: "how long a window waits for stragglers, event time",
    example: "30",
  }),
  CORRECTION_HORIZON: withDefault(duration(0, YEAR), "86400", {
    group: "Windows and time",
    help: "how far behind its bus's greatest event time an event is refused instead of correcting its " +
      "closed window; costs disk, not memory; 0 = no corrections",
    example: "7d",
  }),
  IDLE_TIMEOUT: withDefault(duration(0, DAY), "10", {
    group: "Windows and time",
    help: "how long polls succeed and bring nothing until windows that ended are closed by the wall clock",
    example: "30",
  }),
  MAX_WAIT: withDefault(duration(0, YEAR), "300", {
    group: "Windows and time",
    help: "how long a window may stay open past its end, by the wall clock, because a bus is out of reach",
    example: "1h",
  }),
  DEDUP_MAX_IDS: withDefault(integer(0, 100_000_000), "100000", {
    group: "Windows and time",
    help: "latest event ids remembered for each bus; 0 = off",
    example: "1000000",
    atStart: true,
  }),
  MAX_FUTURE_SKEW: withDefault(duration(0, YEAR), "300", {
    group: "Windows and time",
    help: "how far ahead of the wall clock an event is refused",
    example: "10",
  }),
  MAX_SERIES: withDefault(integer(1, 1_000_000_000), "1000000", {
    group: "Windows and time",
    help: "open (name, function) pairs; beyond it an event of a new series is refused, counted and alarmed",
    example: "50000",
  }),

  VABUS_URL: optional(httpUrls(), {
    group: "VaBus",
    help: "the bus; commas for several, each an ordered log of its own",
    example: "http://bus1:8000,http://bus2:8000",
    atStart: true,
    defaultText: "DEFAULT_VABUS_URL",
    fromFile: true,
  }),
  DEFAULT_VABUS_URL: withDefault(httpUrls(), "http://localhost:8000", {
    group: "VaBus",
    help: "used when VABUS_URL is not set",
    example: "http://bus:8000",
    atStart: true,
  }),
  VABUS_MODE: withDefault(choice(["log", "queue"]), "log", {
    group: "VaBus",
    help: "queue = the destructive GET /event of old buses",
    example: "queue",
    atStart: true,
  }),
  VABUS_TOKEN: optional(pattern("<token>", "printable ASCII without spaces", /^[\x21-\x7e]+$/), {
    group: "VaBus",
    help: "bearer token",
    example: "VABUS_TOKEN_FILE=/run/secrets/vabus",
    secret: true,
  }),
  VABUS_CA_FILE: optional(path("the path of a readable PEM file"), {
    group: "VaBus",
    help: "PEM file with the authority that signed the bus's certificate",
    example: "/etc/vabus/ca.pem",
    defaultText: "the system's authorities",
  }),
  VABUS_CERT_FILE: optional(path("the path of a readable PEM file"), {
    group: "VaBus",
    help: "PEM file with the client certificate (mTLS)",
    example: "/etc/vabus/client.pem",
  }),
  VABUS_KEY_FILE: optional(path("the path of a readable PEM file"), {
    group: "VaBus",
    help: "PEM file with the key of the client certificate",
    example: "/etc/vabus/client.key",
  }),
  VABUS_BATCH_SIZE: withDefault(integer(1, 1_000_000), "10000", {
    group: "VaBus",
    help: "events a fetch",
    example: "50000",
  }),

  STATE_DIR: optional(path("the path of a directory"), {
    group: "State and delivery",
    help: "directory of the state, mode 0700; one for each handler",
    example: "/var/lib/vabus-data-handler",
    atStart: true,
    defaultText: "systemd's STATE_DIRECTORY, else $XDG_STATE_HOME/vabus-data-handler, " +
      "else ~/.local/state/vabus-data-handler",
  }),
  INSTANCE_ID: optional(
    pattern(
      "<name>",
      "1 to 200 printable characters, no space at either end",
      /^(?! )[\p{L}\p{M}\p{N}\p{P}\p{S} ]{1,200}(?<! )$/u,
    ),
    {
      group: "State and delivery",
      help: "who wrote an aggregate; names the bus consumer and the Kafka transactional id",
      example: "plant7-line2",
      atStart: true,
      defaultText: "host name",
    },
  ),
  CHECKPOINT_INTERVAL: withDefault(duration(0.01, 3600), "1", {
    group: "State and delivery",
    help: "time between checkpoints while events flow",
    example: "5",
  }),
  OUTBOX_MAX_ROWS: withDefault(integer(1, 1_000_000_000), "1000000", {
    group: "State and delivery",
    help: "undelivered aggregates after which fetching stops",
    example: "10000000",
  }),

  METRICS_INTERVAL: withDefault(duration(0, DAY), "15", {
    group: "Metrics and administration",
    help: "time between metric sends to VaBus; 0 = never",
    example: "60",
    atStart: true,
  }),
  HTTP_LISTEN: withDefault(listenAddress({ mayBeOff: true }), "127.0.0.1:8090", {
    group: "Metrics and administration",
    help: "admin listener; off for none, port 0 for any free one",
    example: "[::1]:9100",
    atStart: true,
  }),
  HTTP_ALLOWED_HOSTS: optional(hostNames(), {
    group: "Metrics and administration",
    help:
      "names that clients may call the listener by, beside localhost and addresses; a page in a browser that uses another is refused",
    example: "handler,edge7.plant.example",
    atStart: true,
  }),

  LOG_LEVEL: withDefault(choice(["debug", "info", "warn", "error"]), "info", {
    group: "Logging",
    help: "least level that is logged; logs go to stderr",
    example: "debug",
  }),
  LOG_FORMAT: optional(choice(["text", "json"]), {
    group: "Logging",
    help: "form of a log line",
    example: "json",
    defaultText: "text on a terminal, else json",
  }),
};

export type VariableName = keyof typeof VARIABLES;

/** What the text of each variable reads as; undefined where there is neither text nor default. */
export type Values = {
  readonly [N in VariableName]: (typeof VARIABLES)[N] extends Variable<infer T, infer D>
    ? D extends string ? T : T | undefined
    : never;
};

export const VARIABLE_NAMES = Object.keys(VARIABLES) as VariableName[];

/** The variable of that name. */
export function variable(name: VariableName): Variable<unknown> {
  return VARIABLES[name];
}

/** The variable that names a file with this one's value; undefined when it is not read from files. */
export function fileVariable(name: VariableName): string | undefined {
  const { secret, fromFile } = variable(name);
  return secret || fromFile ? `${name}_FILE` : undefined;
}

/** Every name that may be given, in the environment or as a flag. */
export const GIVEN_NAMES: readonly string[] = VARIABLE_NAMES.flatMap((name) => {
  const file = fileVariable(name);
  return file === undefined ? [name] : [name, file];
});

/** `AGGREGATION_INTERVAL` → `--aggregation-interval`. */
export function flagOf(name: string): string {
  return `--${name.toLowerCase().replaceAll("_", "-")}`;
}
