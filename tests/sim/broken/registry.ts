import { ArchivedWindow } from "../../../src/state/outbox/archive.ts";
import { SinkRegistry } from "../../../src/state/outbox/sink_registry.ts";
import type { RegisteredSink } from "../../../src/state/outbox/registered_sink.ts";
import type { BrokenVariant } from "./broken_variant.ts";
import { replace } from "./replace.ts";

/** Mistakes in the registry of sinks. */
export const BROKEN_REGISTRY: readonly BrokenVariant[] = [
  {
    name: "the cursor of a sink begins anew with each start",
    foundBy: 45,
    parts: () => {
      const open = SinkRegistry.open;
      SinkRegistry.open = (...values) => {
        const registry = open(...values);
        for (const sink of registry.sinks) sink.cursor = sink.sinceId;
        return registry;
      };
      return () => SinkRegistry.open = open;
    },
  },
  {
    name: "a correction looks only at the newest revision of a row, whatever sinks that went to",
    foundBy: 764,
    needs: "changes",
    parts: () =>
      replace(ArchivedWindow, "revisions", (revisions) =>
        function (...values) {
          return [...revisions.apply(this, values)].slice(0, 1).values();
        }),
  },
  {
    name: "the earlier stays of a sink are forgotten",
    foundBy: 14,
    needs: "changes",
    parts: () => reading((sink) => ({ ...sink, earlier: [] })),
  },
  {
    name: "what a sink was to get before it went counts as handed over",
    foundBy: 16,
    needs: "changes",
    parts: () =>
      reading((sink) => ({
        ...sink,
        earlier: sink.earlier.map((stay) => ({ ...stay, cursor: stay.untilId })),
      })),
  },
  {
    name: "a sink that comes back begins with the first aggregate it ever got",
    foundBy: 92,
    needs: "changes",
    parts: () => {
      const open = SinkRegistry.open;
      SinkRegistry.open = (...values) => {
        const registry = open(...values);
        for (const sink of registry.sinks) {
          const [first] = sink.earlier;
          if (first !== undefined && sink.cursor === sink.sinceId) sink.cursor = first.sinceId;
        }
        return registry;
      };
      return () => SinkRegistry.open = open;
    },
  },
];

/** Makes the product see the sinks of a state as changed by `change`. */
function reading(change: (sink: RegisteredSink) => RegisteredSink): () => void {
  const read = SinkRegistry.read;
  SinkRegistry.read = (state) => {
    const registry = read(state);
    return Object.assign(registry, {
      sinks: registry.sinks.map(change),
      absent: registry.absent.map(change),
    });
  };
  return () => SinkRegistry.read = read;
}
