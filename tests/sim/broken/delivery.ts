import type { Surroundings } from "../../../src/runtime/parts.ts";
import { Trial } from "../../../src/delivery/trial.ts";
import { type OutboxBatch, type Sink, SinkError } from "../../../src/contract/sink.ts";
import { OutboxLog } from "../../../src/state/outbox/outbox_log.ts";
import { SimTable } from "../sim_table.ts";
import { SimTopic } from "../sim_topic.ts";
import type { BrokenVariant } from "./broken_variant.ts";
import { replace } from "./replace.ts";
import { rowsOf } from "../../support/rows_of.ts";

/** Makes the product use sinks with other methods. */
function withSinks(change: (sink: Sink) => Partial<Sink>): (surroundings: Surroundings) => Surroundings {
  return (surroundings) => ({
    ...surroundings,
    sinks: surroundings.sinks.map((sink) => ({ ...sink, ...change(sink) })),
  });
}

/** After the router has split a batch, writes the second half without its first row. */
function droppingInBisection(sink: Sink): Partial<Sink> {
  let splitAt = -1;
  return {
    write: async (batch, signal) => {
      const { ids } = batch;
      const isSecondHalf = batch.firstId === splitAt;
      const cut: OutboxBatch = isSecondHalf
        ? { ...batch, ids: ids.slice(1), aggregates: rowsOf(batch).slice(1) }
        : batch;
      try {
        if (cut.aggregates.length > 0) await sink.write(cut, signal);
      } catch (error) {
        if (error instanceof SinkError && error.kind === "rejected") splitAt = ids[ids.length >> 1]!;
        throw error;
      }
    },
  };
}

/** Mistakes in the delivery to sinks. */
export const BROKEN_DELIVERY: readonly BrokenVariant[] = [
  {
    name: "the cursor is advanced before the sink has the rows",
    foundBy: 1,
    parts: () =>
      replace(OutboxLog, "read", (read) =>
        function (sink: string, ...rest) {
          const batch = read.call(this, sink, ...rest);
          if (batch !== undefined) this.advance(sink, batch.nextId);
          return batch;
        }),
  },
  {
    name: "nobody fences an older Kafka producer",
    foundBy: 20,
    backends: (backends) => {
      for (const backend of backends.values()) if (backend instanceof SimTopic) backend.isFencing = false;
    },
  },
  {
    name: "the position in Kafka is not written with the records",
    foundBy: 1,
    backends: (backends) => {
      for (const backend of backends.values()) {
        if (backend instanceof SimTopic) backend.isPositionKept = false;
      }
    },
  },
  {
    name: "the position that a sink answers is ignored",
    foundBy: 1,
    surroundings: withSinks((sink) => ({
      open: async (context, signal) => {
        await sink.open(context, signal);
        return context.cursor;
      },
    })),
  },
  {
    name: "the upsert has no revision guard",
    foundBy: 35,
    backends: (backends) => {
      for (const backend of backends.values()) if (backend instanceof SimTable) backend.isGuarded = false;
    },
  },
  {
    name: "rows are condemned although no other passes",
    foundBy: 233,
    parts: () => replace(Trial, "anotherPasses", () => () => Promise.resolve(true)),
  },
  {
    name: "the bisection drops a row",
    foundBy: 5,
    surroundings: withSinks(droppingInBisection),
  },
  {
    name: "rows that are sent again count as there before the sink has them",
    foundBy: 41,
    needs: "losses",
    parts: () =>
      replace(OutboxLog, "readAgain", (readAgain) =>
        function (sink: string, ...rest) {
          const batch = readAgain.call(this, sink, ...rest);
          if (batch !== undefined) this.delivered(sink, batch);
          return batch;
        }),
  },
  {
    name: "rows that are sent again do not replace those of the same revision",
    foundBy: 6,
    needs: "losses",
    surroundings: withSinks((sink) => ({
      write: (batch, signal) => sink.write({ ...batch, overwrites: false }, signal),
    })),
  },
];
