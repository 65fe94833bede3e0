import { type AnyCommand, command } from "./command.ts";
import { busOffset } from "../settings/source_url.ts";
import { anyText } from "../settings/value_type.ts";
import { repeated, toggle } from "./option.ts";
import type { Registry } from "../runtime/registry.ts";

const FORGET_SINKS = repeated(
  "--forget-sink",
  anyText("<name>", "the name of a sink"),
  "give up what waits for a sink that was removed from STORAGE_TYPE",
);

const ACCEPT_SINKS = repeated(
  "--accept-sink",
  anyText("<name>", "the name of a sink"),
  "accept what a sink holds: settles alarms over it, and goes on where a copy or an older version of " +
    "the state has written to it",
);

const TAKE_OVER = toggle(
  "--take-over",
  "read what INSTANCE_COUNT and INSTANCE_INDEX say, although another instance has not handed it over: it " +
    "is stopped for good, and what it has read after its last word counts twice",
);

export function runCommand(registry: Registry): AnyCommand {
  return command({
    name: "run",
    summary: "the service: fetch, aggregate, deliver until SIGTERM or SIGINT",
    details: "The first SIGTERM or SIGINT stops it in good order; a second one ends it at once, which is " +
      "safe too. SIGHUP reads the settings again from their files.",
    examples: [
      ["run --storage-type stdout", "aggregates of http://localhost:8000 as JSON lines"],
      [
        "run --vabus-url http://bus:8000 --aggregation-interval 10",
        "10-second windows into the embedded SQLite",
      ],
    ],
    concerns: registry.catalogue.names,
    hasTelemetry: true,
    options: {
      forgetSinks: FORGET_SINKS,
      acceptSinks: ACCEPT_SINKS,
      takeOver: TAKE_OVER,
      skipTo: skipTo(registry),
    },
    configure: (sources) => registry.configure(sources),
    run: async (context, options) => (await import("./run.ts")).run(context, options),
  });
}

export function onceCommand(registry: Registry): AnyCommand {
  return command({
    name: "once",
    summary: "for cron: fetch and deliver what there is, then exit",
    details: "Open windows stay in the state for the next call. Exits 75 when a bus or a sink was out of " +
      "reach with work left: call again later.",
    examples: [
      ["once", "one round; windows that have not ended stay open"],
      ["once --flush", "the last round: closes open windows too"],
    ],
    concerns: registry.catalogue.names,
    hasTelemetry: true,
    options: {
      flush: toggle("--flush", "close open windows too"),
      forgetSinks: FORGET_SINKS,
      acceptSinks: ACCEPT_SINKS,
      takeOver: TAKE_OVER,
      skipTo: skipTo(registry),
    },
    configure: (sources) => registry.configure(sources),
    run: async (context, options) => (await import("./once.ts")).once(context, options),
  });
}

function skipTo({ sources }: Registry) {
  return repeated(
    "--skip-to",
    busOffset(sources),
    "give up what a bus holds before this offset, because it cannot be read; counted as lost",
  );
}
