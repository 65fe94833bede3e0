import type { SinkDeclaration, SourceDeclaration } from "./declaration.ts";
import { intervals } from "./intervals.ts";
import { sinkNames } from "./sink_name.ts";
import { sourceUrls } from "./source_url.ts";
import {
  anyText,
  choice,
  directory,
  duration,
  hostNames,
  integer,
  listenAddress,
  path,
  pattern,
} from "./value_type.ts";
import type { EVENTS_OF_RECORDS } from "./event_variables.ts";
import type { TELEMETRY } from "./telemetry_variables.ts";
import { instanceName, type INSTANCES } from "./instance_variables.ts";
import { optional, type ValuesOf, withDefault } from "./variable.ts";

/** The heading of the settings for all buses. */
export const BUSES = "VaBus";

/** A token that gives a role on the admin listener. */
const roleToken = pattern(
  "<token>",
  "12 printable ASCII characters or more, without spaces",
  /^[\x21-\x7e]{12,}$/,
);

const DAY = 86_400;
const YEAR = 366 * DAY;

/** The settings that decide where aggregates go. */
export function sinkVariables(sinks: readonly SinkDeclaration[]) {
  const kinds = sinks.map(({ kind }) => kind);
  const [first, second = first] = kinds;
  const notes = sinks.flatMap(({ note }) => note ?? []);
  return {
    STORAGE_TYPE: withDefault(sinkNames(kinds), sinks.find(({ isDefault }) => isDefault)!.kind, {
      group: "Sinks",
      help: ["where aggregates go", ...notes].join("; "),
      example: `${first},${second}`,
      atStart: true,
    }),
    ROUTES: optional(
      anyText(
        "<routes>",
        `pattern=sink,…;… with a last pattern *, such as orders.*=${first};*@3600=${second};*=none`,
      ),
      {
        group: "Sinks",
        help: "which names go where: * = any characters, first match wins, the last must be a catch-all; " +
          "*=none drops; pattern@3600 or pattern@300/60 is for windows of that interval only",
        example: `orders.*=${first};audit.*=${first},${second};*=${second}`,
        defaultText: "all to all",
        commonName: true,
      },
    ),
  };
}

/** How long windows are, and how long they wait. */
export const WINDOWS = {
  AGGREGATION_INTERVAL: withDefault(intervals(), "60", {
    group: "Windows and time",
    help: "window length, or a list of lengths, each of them exact; a length may hop",
    example: "10,60,3600",
  }),
  AGG_FUNCTIONS: withDefault(
    anyText(
      "<rules>",
      "pattern=function,…;… with none for events that are to be dropped, such as " +
        "*.temperature=avg,min,max;debug.*=none",
    ),
    "*=sum",
    {
      group: "Windows and time",
      help: "what is computed for an event that names no function, by its name: * = any characters, " +
        "first match wins, several functions give a row each, none drops the event and counts it; " +
        "unmatched is sum",
      example: "*.temperature=avg,min,max;*.energy=last;debug.*=none;*=sum",
    },
  ),
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
    commonName: true,
    group: "Windows and time",
    help: "how long polls succeed and bring nothing until windows that ended are closed by the wall clock",
    example: "30",
  }),
  MAX_WAIT: withDefault(duration(0, YEAR), "300", {
    commonName: true,
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
    commonName: true,
    group: "Windows and time",
    help: "open series, each once for each length of windows; beyond them an event of a new series is " +
      "refused, counted and alarmed",
    example: "50000",
  }),
};

/** The buses, of whatever kind they are. */
export function buses(sources: readonly SourceDeclaration[]) {
  const urls = sourceUrls(sources);
  return {
    VABUS_URL: optional(urls, {
      group: BUSES,
      help: "the bus; commas for several, each an ordered log of its own; ?source=NAME names it",
      example: "http://bus1:8000,http://bus2:8000",
      atStart: true,
      defaultText: "DEFAULT_VABUS_URL",
      fromFile: true,
    }),
    DEFAULT_VABUS_URL: withDefault(urls, "http://localhost:8000", {
      group: BUSES,
      help: "used when VABUS_URL is not set",
      example: "http://bus:8000",
      atStart: true,
    }),
    VABUS_TOKEN: optional(pattern("<token>", "printable ASCII without spaces", /^[\x21-\x7e]+$/), {
      group: BUSES,
      help: "bearer token",
      example: "VABUS_TOKEN_FILE=/run/secrets/vabus",
      secret: true,
    }),
    VABUS_CA_FILE: optional(path("the path of a readable PEM file"), {
      group: BUSES,
      help: "PEM file with the authority that signed the bus's certificate",
      example: "/etc/vabus/ca.pem",
      defaultText: "the system's authorities",
    }),
    VABUS_CERT_FILE: optional(path("the path of a readable PEM file"), {
      group: BUSES,
      help: "PEM file with the client certificate (mTLS)",
      example: "/etc/vabus/client.pem",
    }),
    VABUS_KEY_FILE: optional(path("the path of a readable PEM file"), {
      group: BUSES,
      keyFile: true,
      help: "PEM file with the key of the client certificate",
      example: "/etc/vabus/client.key",
    }),
    VABUS_BATCH_SIZE: withDefault(integer(1, 1_000_000), "10000", {
      group: BUSES,
      help: "events a fetch",
      example: "50000",
    }),
  };
}

/** The settings for state and delivery, metrics and administration, and logging. */
export const REST = {
  STATE_DIR: optional(directory("the path of a directory"), {
    commonName: true,
    group: "State and delivery",
    help: "directory of the state, mode 0700; one for each handler",
    example: "/var/lib/vabus-data-handler",
    atStart: true,
    defaultText: "systemd's STATE_DIRECTORY, else $XDG_STATE_HOME/vabus-data-handler, " +
      "else ~/.local/state/vabus-data-handler",
  }),
  INSTANCE_ID: optional(
    instanceName,
    {
      commonName: true,
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
    commonName: true,
    group: "Metrics and administration",
    help: "time between metric sends to VaBus; 0 = never",
    example: "60",
    atStart: true,
  }),
  HTTP_LISTEN: withDefault(listenAddress({ mayBeOff: true }), "127.0.0.1:8090", {
    commonName: true,
    group: "Metrics and administration",
    help: "admin listener; off for none, port 0 for any free one",
    example: "[::1]:9100",
    atStart: true,
  }),
  HTTP_ALLOWED_HOSTS: optional(hostNames(), {
    group: "Metrics and administration",
    help: "names that clients may call the listener by, beside localhost and addresses; a page in a " +
      "browser that uses another is refused",
    example: "handler,edge7.plant.example",
    atStart: true,
  }),
  VIEWER_TOKEN: optional(roleToken, {
    commonName: true,
    group: "Metrics and administration",
    help: "bearer token that reads on the admin listener; without any token, programs on this host read, " +
      "and other hosts see health and metrics only",
    example: "VIEWER_TOKEN_FILE=/run/secrets/viewer",
    secret: true,
    atStart: true,
  }),
  ADMIN_TOKEN: optional(roleToken, {
    commonName: true,
    group: "Metrics and administration",
    help:
      "bearer token that reads and changes on the admin listener; without it nothing can be changed there",
    example: "ADMIN_TOKEN_FILE=/run/secrets/admin",
    secret: true,
    atStart: true,
  }),
  HTTP_CERT_FILE: optional(path("the path of a readable PEM file"), {
    commonName: true,
    group: "Metrics and administration",
    help: "PEM file with the certificate of the admin listener, which then serves https only",
    example: "/etc/vabus/admin.pem",
    atStart: true,
  }),
  HTTP_KEY_FILE: optional(path("the path of a readable PEM file"), {
    commonName: true,
    group: "Metrics and administration",
    keyFile: true,
    help: "PEM file with the key of that certificate",
    example: "/etc/vabus/admin.key",
    atStart: true,
  }),
  HTTP_CLIENT_CA_FILE: optional(path("the path of a readable PEM file"), {
    commonName: true,
    group: "Metrics and administration",
    help: "PEM file with the authority whose client certificates are asked for, beside the token; " +
      "probes need none",
    example: "/etc/vabus/operators.pem",
    atStart: true,
  }),

  LOG_LEVEL: withDefault(choice(["debug", "info", "warn", "error"]), "info", {
    commonName: true,
    group: "Logging",
    help: "least level that is logged; logs go to stderr",
    example: "debug",
  }),
  LOG_FORMAT: optional(choice(["text", "json"]), {
    commonName: true,
    group: "Logging",
    help: "form of a log line",
    example: "json",
    defaultText: "text on a terminal, else json",
  }),
};

/** The values of all settings that belong to no connector. */
export type CoreValues = ValuesOf<
  & ReturnType<typeof sinkVariables>
  & typeof WINDOWS
  & ReturnType<typeof buses>
  & typeof EVENTS_OF_RECORDS
  & typeof REST
  & typeof INSTANCES
  & typeof TELEMETRY
>;
