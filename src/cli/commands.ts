import { loadBusConfig } from "../settings/config.ts";
import {
  anyText,
  busOffset,
  choice,
  duration,
  instant,
  integer,
  listenAddress,
  path,
} from "../settings/value_type.ts";
import type { Sources } from "../settings/settings.ts";
import type { Registry } from "../runtime/registry.ts";
import { type AnyCommand, command } from "./command.ts";
import { DEMO_DEFAULTS, DEMO_ENVIRONMENT_HELP, DEMO_VARIABLES, demoConfig } from "./demo_config.ts";
import { alone, readerConfig, stateConfig, stateDirConfig, tellingWhose } from "./whose_state.ts";
import { repeated, single, singleOr, toggle } from "./option.ts";

export const DEFAULT_COMMAND = "run";

const STATE_VARIABLES = ["STATE_DIR", "INSTANCE_ID", "LOG_LEVEL", "LOG_FORMAT"] as const;

const JSON_OUTPUT = toggle("--json", "print JSON for programs");
const AUDIT = toggle(
  "--audit",
  "every order of an operator that the state still knows, not only the last ten",
);
const FORGET_SINKS = repeated(
  "--forget-sink",
  anyText("<name>", "the name of a sink"),
  "give up what waits for a sink that was removed from STORAGE_TYPE",
);
const ACCEPT_SINKS = repeated(
  "--accept-sink",
  anyText("<name>", "the name of a sink"),
  "take what a sink holds as it is: settles alarms over it, and goes on where another life of the state has written to it",
);
const SKIP_TO = repeated(
  "--skip-to",
  busOffset(),
  "give up what a bus holds before this offset, because it cannot be read; counted as lost",
);
const REASON = single(
  "--reason",
  choice(["invalid", "future", "late", "overflow", "not_finite", "rejected", "postponed"]),
  "only those refused for this reason",
);
const IDS = repeated("--id", integer(1, Number.MAX_SAFE_INTEGER), "the dead letter with this number");
const ALL = toggle("--all", "every dead letter");

/** Every command, in the order of the help. Its code is imported only when it runs, so that start-up stays quick. */
export function commandsOf(registry: Registry): readonly AnyCommand[] {
  const { catalogue } = registry;
  const handlerConfig = (sources: Sources) => registry.configure(sources);
  return [
    command({
      name: "run",
      summary: "the service: fetch, aggregate, deliver until SIGTERM or SIGINT",
      details:
        "The first SIGTERM or SIGINT stops it in good order; a second one ends it at once, which is safe too. SIGHUP reads the " +
        "settings again from their files.",
      examples: [
        ["run --storage-type stdout", "aggregates of http://localhost:8000 as JSON lines"],
        [
          "run --vabus-url http://bus:8000 --aggregation-interval 10",
          "10-second windows into the embedded SQLite",
        ],
      ],
      concerns: catalogue.names,
      options: { forgetSinks: FORGET_SINKS, acceptSinks: ACCEPT_SINKS, skipTo: SKIP_TO },
      configure: handlerConfig,
      run: async (context, options) => (await import("./run.ts")).run(context, options),
    }),
    command({
      name: "once",
      summary: "for cron: fetch and deliver what there is, then exit",
      details:
        "Open windows stay in the state for the next call. Exits 75 when a bus or a sink was out of reach with " +
        "work left: call again later.",
      examples: [
        ["once", "one round; windows that have not ended stay open"],
        ["once --flush", "the last round: closes open windows too"],
      ],
      concerns: catalogue.names,
      options: {
        flush: toggle("--flush", "close open windows too"),
        forgetSinks: FORGET_SINKS,
        acceptSinks: ACCEPT_SINKS,
        skipTo: SKIP_TO,
      },
      configure: handlerConfig,
      run: async (context, options) => (await import("./once.ts")).once(context, options),
    }),
    command({
      name: "demo",
      summary: "embedded bus, generated events, SQLite sink: no set-up, nothing outside",
      details:
        "Keeps its state and its bus's log in a temporary directory, which it deletes at its end. With --state-dir both stay: kill " +
        "it, start it again, and it goes on with the numbers right. Ends with the proof of `verify`.",
      examples: [
        ["demo", "until it is stopped"],
        ["demo --state-dir ~/vabus-demo", "to be killed with kill -9 and started again"],
        ["demo --events-per-second 50000 --duration 30", "half a minute under load"],
      ],
      concerns: DEMO_VARIABLES,
      defaults: DEMO_DEFAULTS,
      environmentHelp: DEMO_ENVIRONMENT_HELP,
      options: {
        eventsPerSecond: singleOr(
          "--events-per-second",
          integer(1, 1_000_000),
          "1000",
          "events generated a second",
        ),
        names: singleOr("--names", integer(1, 1_000_000), "100", "different event names"),
        durationMs: single("--duration", duration(0.1, 86_400 * 366), "stop by itself after so many seconds"),
      },
      configure: (sources) => demoConfig(sources, registry),
      run: async (context, options) => (await import("./demo.ts")).demo(context, options),
    }),
    command({
      name: "bus",
      summary: "a VaBus server for development, tests and small sites",
      details:
        "Asks for the token of VABUS_TOKEN when there is one. Without a token it answers to addresses, to localhost and to the " +
        "names of HTTP_ALLOWED_HOSTS, and never to pages of other sites.",
      examples: [
        ["bus", "on 127.0.0.1:8000, in memory"],
        [
          "bus --listen 0.0.0.0:8000 --vabus-token-file token --tls-cert-file bus.pem --tls-key-file bus.key",
          "for other hosts",
        ],
        [
          "bus --data-dir /var/lib/vabus --when-full drop-oldest",
          "kept on disk; the newest events count most",
        ],
      ],
      concerns: ["VABUS_TOKEN", "HTTP_ALLOWED_HOSTS", "LOG_LEVEL", "LOG_FORMAT"],
      options: {
        listen: singleOr(
          "--listen",
          listenAddress(),
          "127.0.0.1:8000",
          "where to listen; port 0 for any free one",
        ),
        memory: toggle("--memory", "keep the log in memory; the default without --data-dir"),
        dataDir: single("--data-dir", path("the path of a directory"), "keep the log in this directory"),
        maxEvents: singleOr("--max-events", integer(1, 10_000_000_000), "10000000", "most events kept"),
        maxBytes: singleOr("--max-bytes", integer(1024, 1e15), "1073741824", "most bytes kept"),
        whenFull: single(
          "--when-full",
          choice(["refuse", "drop-oldest"]),
          "refuse answers 429 until there is room (default: refuse what a known consumer would lose, else drop-oldest)",
        ),
        consumerExpiryMs: singleOr(
          "--consumer-expiry",
          duration(1, 86_400 * 366),
          "7d",
          "silence, while the bus runs, after which a consumer counts no more",
        ),
        insecure: toggle(
          "--insecure",
          "let other hosts in without a token, or with one but without TLS; those without the token may use names only of " +
            "HTTP_ALLOWED_HOSTS",
        ),
        tlsCertFile: single(
          "--tls-cert-file",
          path("the path of a PEM file"),
          "certificate to serve https with",
        ),
        tlsKeyFile: single("--tls-key-file", path("the path of a PEM file"), "its key"),
      },
      configure: (sources) => loadBusConfig(sources, catalogue),
      run: async (context, options) => (await import("./bus.ts")).bus(context, options),
    }),
    command({
      name: "check",
      summary: "validate the configuration, reach the bus and every sink, print what is in force",
      details: "Writes nothing anywhere. Exits 1 when a bus or a sink cannot be reached. Secrets are masked.",
      examples: [["check --env-file /etc/vabus-data-handler.env", "before the service is restarted"]],
      concerns: catalogue.names,
      options: {},
      configure: handlerConfig,
      run: async (context) => (await import("./check.ts")).check(context),
    }),
    command({
      name: "schema",
      summary: "JSON Schema of the settings, for editors and charts",
      details: "Says of every setting what it is, its default and whether it is secret. Reads nothing.",
      examples: [["schema > settings.schema.json", "to check a file of values with"]],
      concerns: [],
      options: {},
      configure: (sources) => loadBusConfig(nowhere(sources), catalogue),
      run: async (context) => (await import("./schema.ts")).schema(context),
    }),
    command({
      name: "status",
      summary: "what the state holds: offsets, watermark, windows, outbox, dead letters, the books",
      details: "Only reads; works while the handler runs.",
      examples: [["status --state-dir /var/lib/vabus-data-handler", "for people"], [
        "status --json",
        "for programs",
      ]],
      concerns: STATE_VARIABLES,
      options: { audit: AUDIT, json: JSON_OUTPUT },
      configure: readerConfig,
      run: async (context, options) => (await import("./status.ts")).status(context, options),
    }),
    command({
      name: "health",
      summary: "ask the handler that runs on this host whether it is alive",
      details:
        "Asks /healthz of HTTP_LISTEN, for the health check of a container. Exits 1 when there is no answer.",
      examples: [["health", "exit code 0: it is alive"]],
      concerns: ["HTTP_LISTEN"],
      options: {},
      configure: (sources) => loadBusConfig(alone(sources), catalogue),
      run: async (context) => (await import("./health.ts")).health(context),
    }),
    command({
      name: "verify",
      summary: "prove that no event was lost or counted twice",
      details:
        "Checks the books of the state, then compares it with each SQL sink and, with --kafka, with the topic. " +
        "Only reads; works while the handler runs. Exits 1 and names the differences when the proof fails, or the sink that " +
        "cannot be read; the others are proven all the same.",
      examples: [
        ["verify", "every SQL sink"],
        ["verify --kafka", "the Kafka topic too, read from its beginning"],
        ["verify --since 2026-01-31T06:00Z", "a sink whose older rows are purged"],
      ],
      concerns: [...sinkVariables(registry), ...STATE_VARIABLES],
      options: {
        sinceMs: single("--since", instant(), "compare only windows that start then or later"),
        ...scanToggles(registry),
        json: JSON_OUTPUT,
      },
      configure: readerConfig,
      run: tellingWhose(async (context, options) =>
        (await import("./verify.ts")).verify(context, {
          sinceMs: options.sinceMs,
          json: options.json,
          scanned: scans(registry).filter(({ kind }) => (options as Readonly<Record<string, unknown>>)[kind])
            .map(({ kind }) => kind),
        })
      ),
    }),
    command({
      name: "redeliver",
      summary: "send rows that a sink has lost once more, as they stand",
      details:
        "For a sink that was restored, emptied or behind: sends its rows of the windows that start in the span, as far as the " +
        "state still has them (CORRECTION_HORIZON), and ends with the proof for that span. Rows of the same revision are " +
        "overwritten, never higher ones. A running handler does it; where none runs, the command does it itself. May be repeated.",
      examples: [
        ["redeliver --sink postgres --since 2026-01-31T06:00Z", "all since six o'clock"],
        ["redeliver --sink sqlite --since 1790000000 --until 1790003600", "the windows of one hour"],
        ["redeliver --sink kafka --since 2026-01-31 --allow-duplicates", "a topic that was made anew"],
      ],
      concerns: catalogue.names,
      options: {
        sink: single("--sink", anyText("<name>", "the name of a sink"), "the sink that has lost rows"),
        sinceMs: single("--since", instant(), "windows that start then or later"),
        untilMs: single("--until", instant(), "and before this; left out: to the newest"),
        allowDuplicates: toggle("--allow-duplicates", "also to a sink that cannot overwrite: kafka, stdout"),
        json: JSON_OUTPUT,
      },
      configure: stateConfig,
      run: tellingWhose(async (context, options) =>
        (await import("./redeliver.ts")).redeliver(context, options)
      ),
    }),
    command({
      name: "backup",
      summary: "a consistent copy of the state in one file, while the handler runs",
      details:
        "The copy is checked before it gets its name, is readable by its owner alone, and replaces an earlier " +
        "backup of that name in one step.",
      examples: [
        ["backup --to /mnt/backup/vabus.state", "from a timer, while the handler runs"],
        ["backup --to state.backup --sink-to sink.backup", "the embedded SQLite sink too"],
      ],
      concerns: [...STATE_VARIABLES, ...fileVariables(registry)],
      options: {
        to: single("--to", path("the path of a file"), "where to write it"),
        sinkTo: single("--sink-to", path("the path of a file"), "copy the embedded SQLite sink to this file"),
        sink: single("--sink", anyText("<name>", "the name of a sink"), "which of several embedded sinks"),
      },
      configure: readerConfig,
      run: tellingWhose(async (context, options) => (await import("./backup.ts")).backup(context, options)),
    }),
    command({
      name: "restore",
      summary: "make a backup the state of STATE_DIR, after a host was lost",
      details:
        "Refuses while a handler runs on STATE_DIR (exit 75), and where there is a state already. The restored " +
        "handler goes on where the backup was made: the bus gives it again what came later.",
      examples: [
        ["restore --from /mnt/backup/vabus.state", "on a new host, before the first start"],
        ["restore --from state.backup --replace", "puts a damaged state aside first"],
      ],
      concerns: STATE_VARIABLES,
      options: {
        from: single("--from", path("the path of a file"), "the backup"),
        replace: toggle("--replace", "rename a state that is there, instead of refusing"),
      },
      configure: (sources) => stateDirConfig(alone(sources), registry),
      run: async (context, options) => (await import("./restore.ts")).restore(context, options),
    }),
    command({
      name: "dead-letters list",
      summary: "the newest refused events and aggregates, and why",
      details: "Only reads; works while the handler runs.",
      examples: [["dead-letters list --reason late --limit 20", "the newest 20 that came too late"]],
      concerns: STATE_VARIABLES,
      options: {
        reason: REASON,
        limit: singleOr("--limit", integer(1, 1_000_000), "50", "most that are shown"),
        json: JSON_OUTPUT,
      },
      configure: readerConfig,
      run: tellingWhose(async (context, options) =>
        (await import("./dead_letters.ts")).list(context, options)
      ),
    }),
    command({
      name: "dead-letters export",
      summary: "all of them as JSON lines on stdout, raw event included",
      details: "Only reads; works while the handler runs.",
      examples: [[
        "dead-letters export --reason invalid > invalid.jsonl",
        "to look into garbage from a device",
      ]],
      concerns: STATE_VARIABLES,
      options: { reason: REASON },
      configure: readerConfig,
      run: tellingWhose(async (context, options) =>
        (await import("./dead_letters.ts")).exportLines(context, options)
      ),
    }),
    command({
      name: "dead-letters retry",
      summary: "aggregate or deliver them once more, after the cause is mended",
      details: "A running handler does it; where none runs, the command does it itself.",
      examples: [
        ["dead-letters retry --reason rejected", "after the sink's table was mended"],
        ["dead-letters retry --id 7 --id 9", "these two"],
      ],
      concerns: STATE_VARIABLES,
      options: { reason: REASON, ids: IDS, all: ALL },
      configure: stateConfig,
      run: tellingWhose(async (context, options) =>
        (await import("./dead_letters.ts")).retry(context, options)
      ),
    }),
    command({
      name: "dead-letters purge",
      summary: "throw them away for good; they stay in the books",
      details: "A running handler does it; where none runs, the command does it itself.",
      examples: [["dead-letters purge --reason invalid", "garbage that nobody needs"]],
      concerns: STATE_VARIABLES,
      options: { reason: REASON, ids: IDS, all: ALL },
      configure: stateConfig,
      run: tellingWhose(async (context, options) =>
        (await import("./dead_letters.ts")).purge(context, options)
      ),
    }),
  ];
}

/** What the first word of two-word commands is about. */
export const FAMILIES: Readonly<Record<string, string>> = {
  "dead-letters": "the events and aggregates that were refused: why, and a way back",
};

function sinkVariables({ catalogue }: Registry): string[] {
  return catalogue.names.filter((name) => {
    const { group, sink } = catalogue.entry(name);
    return group === "Sinks" || sink !== undefined;
  });
}

/** The settings of sinks that are files, which `backup` can copy. */
function fileVariables({ catalogue, sinks }: Registry): string[] {
  const kinds = sinks.filter(({ fileOf }) => fileOf !== undefined).map(({ kind }) => kind);
  return catalogue.names.filter((name) => kinds.includes(catalogue.entry(name).sink?.kind ?? ""));
}

/** Kinds of sinks that are read back only where it is asked for. */
function scans({ sinks }: Registry): { readonly kind: string; readonly what: string }[] {
  return sinks.flatMap(({ kind, readBack }) =>
    typeof readBack === "object" ? [{ kind, what: readBack.scan }] : []
  );
}

function scanToggles(registry: Registry) {
  return Object.fromEntries(
    scans(registry).map(({ kind, what }) => [kind, toggle(`--${kind}`, `read ${what} as well`)]),
  );
}

/** For a command that wants no settings: those that there are may well be wrong. */
function nowhere(sources: Sources): Sources {
  return {
    ...sources,
    environment: {},
    envFile: undefined,
    readFile: () => undefined,
    distrust: () => undefined,
  };
}
