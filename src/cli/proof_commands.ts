import { type AnyCommand, command } from "./command.ts";
import { anyText, instant } from "../settings/value_type.ts";
import { repeated, single, toggle } from "./option.ts";
import { fleetAddresses } from "./fleet_option.ts";
import { readerConfig, stateConfig, tellingWhose } from "./whose_state.ts";
import { JSON_OUTPUT, STATE_VARIABLES } from "./shared_options.ts";
import type { Registry } from "../runtime/registry.ts";

export function verifyCommand(registry: Registry): AnyCommand {
  return command({
    name: "verify",
    summary: "prove that no event was lost or counted twice",
    details: "Checks the books of the state, then compares it with each SQL sink and, with --kafka, with " +
      "the topic. Only reads; works while the handler runs. Exits 1 and names the differences when " +
      "the proof fails, or the sink that cannot be read; the others are proven all the same.",
    examples: [
      ["verify", "every SQL sink"],
      ["verify --kafka", "the Kafka topic too, read from its beginning"],
      ["verify --fleet /srv/0/state,/srv/1/state", "instances that share partitions"],
      ["verify --fleet https://plant-0:8090,https://plant-1:8090", "the same, by their admin listeners"],
      ["verify --since 2026-01-31T06:00Z", "a sink whose older rows are purged"],
    ],
    concerns: [...sinkVariables(registry), ...STATE_VARIABLES, "VIEWER_TOKEN"],
    options: {
      sinceMs: single("--since", instant(), "compare only windows that start then or later"),
      fleet: repeated(
        "--fleet",
        fleetAddresses(),
        "several instances, each by its state directory or its admin listener (with VIEWER_TOKEN); all are " +
          "proven together, and each offset of each partition must be in the books of exactly one",
      ),
      ...scanToggles(registry),
      json: JSON_OUTPUT,
    },
    configure: readerConfig,
    run: async (context, options) => {
      const order = {
        sinceMs: options.sinceMs,
        json: options.json,
        scanned: scans(registry).filter(({ kind }) => (options as Readonly<Record<string, unknown>>)[kind])
          .map(({ kind }) => kind),
      };
      if (options.fleet.length > 0) {
        return (await import("./verify_fleet.ts")).verifyFleet(context, options.fleet.flat(), order);
      }
      const { verify } = await import("./verify.ts");
      return await tellingWhose<typeof order>(verify)(context, order);
    },
  });
}

export function redeliverCommand(registry: Registry): AnyCommand {
  return command({
    name: "redeliver",
    summary: "send rows that a sink has lost once more, as they stand",
    details: "For a sink that was restored, emptied or behind: sends its rows of the windows that start in " +
      "the span, as far as the state still has them (CORRECTION_HORIZON), and ends with the proof " +
      "for that span. Rows of the same revision are overwritten, never higher ones. A running " +
      "handler does it; where none runs, the command does it itself. May be repeated.",
    examples: [
      ["redeliver --sink postgres --since 2026-01-31T06:00Z", "all since six o'clock"],
      ["redeliver --sink sqlite --since 1790000000 --until 1790003600", "the windows of one hour"],
      ["redeliver --sink kafka --since 2026-01-31 --allow-duplicates", "a topic that was created again"],
    ],
    concerns: registry.catalogue.names,
    options: {
      sink: single("--sink", anyText("<name>", "the name of a sink"), "the sink that has lost rows"),
      sinceMs: single("--since", instant(), "windows that start then or later"),
      untilMs: single("--until", instant(), "and before this; left out: to the newest"),
      allowDuplicates: toggle("--allow-duplicates", "also to a sink that cannot overwrite, such as Kafka"),
      json: JSON_OUTPUT,
    },
    configure: stateConfig,
    run: tellingWhose(async (context, options) =>
      (await import("./redeliver.ts")).redeliver(context, options)
    ),
  });
}

function sinkVariables({ catalogue }: Registry): string[] {
  return catalogue.names.filter((name) => {
    const { group, sink } = catalogue.entry(name);
    return group === "Sinks" || sink !== undefined;
  });
}

/** Kinds of sinks that are read back only on request. */
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
