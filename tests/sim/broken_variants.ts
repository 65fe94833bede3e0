import type { Aggregate } from "../../src/aggregation/aggregate.ts";
import { EventAggregator } from "../../src/aggregation/event_aggregator.ts";
import { FunctionRules } from "../../src/aggregation/function_rules.ts";
import { Watermark } from "../../src/aggregation/watermark.ts";
import { OwnClock } from "../../src/platform/clock/own_clock.ts";
import type { Surroundings } from "../../src/runtime/parts.ts";
import { HistoryComparison } from "../../src/sources/vabus/history_comparison.ts";
import { HistoryWatch } from "../../src/sources/vabus/history_watch.ts";
import { LogSource } from "../../src/sources/vabus/log_source.ts";
import { ClockGuard } from "../../src/ingest/clock_guard.ts";
import { Ingest } from "../../src/ingest/ingest.ts";
import { CheckpointMaker } from "../../src/ingest/checkpoint_maker.ts";
import { UnreadEvents } from "../../src/ingest/unread_events.ts";
import { Trial } from "../../src/delivery/trial.ts";
import { type OutboxBatch, type Sink, SinkError } from "../../src/contract/sink.ts";
import { ArchivedWindow } from "../../src/state/outbox/archive.ts";
import { Checkpoint } from "../../src/state/checkpoint/checkpoint.ts";
import type { CheckpointInput } from "../../src/state/checkpoint/checkpoint_input.ts";
import { CorrectionHorizon } from "../../src/state/checkpoint/correction_horizon.ts";
import { IdWriter } from "../../src/state/checkpoint/id_writer.ts";
import { PositionWriter } from "../../src/state/checkpoint/position_writer.ts";
import { DeadLetterKeeper } from "../../src/state/letters/dead_letter_keeper.ts";
import type { SinkRefusal } from "../../src/state/outbox/outbox.ts";
import { OutboxLog } from "../../src/state/outbox/outbox_log.ts";
import { SinkRegistry } from "../../src/state/outbox/sink_registry.ts";
import type { RegisteredSink } from "../../src/state/outbox/registered_sink.ts";
import type { StateDatabase } from "../../src/state/file/state_database.ts";
import type { BusLog, FetchReply, FetchRequest } from "../../src/sources/vabus/bus_log.ts";
import { SimTable } from "./sim_table.ts";
import { SimTopic } from "./sim_topic.ts";
import type { Sabotage } from "./simulation_options.ts";

/** A mistake that a programmer could make, injected from outside of the product. */
export interface BrokenVariant extends Sabotage {
  readonly name: string;
  /** A seed that finds the mistake, tried first. If it no longer does, the test says which seed does. */
  readonly foundBy: number;
}

/** Replaces a method, also a private one, and returns the function that restores it. */
function replace(
  owner: { prototype: object },
  method: string,
  // deno-lint-ignore no-explicit-any -- methods of any shape, private ones among them
  make: (original: (this: any, ...values: any[]) => any) => (this: any, ...values: any[]) => any,
): () => void {
  // deno-lint-ignore no-explicit-any
  const prototype = owner.prototype as any;
  const original = prototype[method];
  if (typeof original !== "function") throw new Error(`there is no ${method} any more to be broken`);
  prototype[method] = make(original);
  return () => prototype[method] = original;
}

function withSources(
  change: (request: FetchRequest) => FetchRequest,
  changeReply: (reply: FetchReply, request: FetchRequest) => FetchReply = (reply) => reply,
): (surroundings: Surroundings) => Surroundings {
  return (surroundings) => ({
    ...surroundings,
    sources: (surroundings.sources as LogSource[]).map((source) => {
      const bus: BusLog = source["bus"];
      return new LogSource({
        ...bus,
        fetch: async (request, signal) => changeReply(await bus.fetch(change(request), signal), request),
      });
    }),
  });
}

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
      const { ids, aggregates } = batch;
      const isSecondHalf = batch.firstId === splitAt;
      const cut: OutboxBatch = isSecondHalf
        ? { ...batch, ids: ids.slice(1), aggregates: aggregates.slice(1) }
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

export const BROKEN_VARIANTS: readonly BrokenVariant[] = [
  {
    name: "the bus gets its ack before the commit",
    foundBy: 1,
    surroundings: withSources((request) =>
      request.offset === undefined ? request : { ...request, ack: request.offset }
    ),
  },
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
    foundBy: 14,
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
    name: "a failed poll moves the watermark",
    foundBy: 1,
    parts: () =>
      replace(Ingest, "readFailed", (readFailed) =>
        function (bus: number, reason: string) {
          readFailed.call(this, bus, reason);
          this.setIdle(bus);
        }),
  },
  {
    name: "windows close one window too early",
    foundBy: 1,
    parts: () =>
      replace(CheckpointMaker, "windowsDue", () =>
        function () {
          const { aggregator } = this;
          return aggregator.windowsWhere(
            ({ startMs }: { startMs: number }) => startMs <= aggregator.watermark.valueMs,
          );
        }),
  },
  {
    name: "the checkpoint is not atomic: offsets are saved without the windows",
    foundBy: 1,
    parts: () =>
      replace(Checkpoint, "write", (write) =>
        function (input: CheckpointInput) {
          (this.state as StateDatabase).transaction(() => this.positions.write(input));
          return write.call(this, input);
        }),
  },
  {
    name: "a failed checkpoint counts as written in memory",
    foundBy: 59,
    parts: () =>
      replace(Checkpoint, "write", (write) =>
        function (input: CheckpointInput) {
          try {
            return write.call(this, input);
          } catch (error) {
            this.aggregator.windows.markAllClean();
            throw error;
          }
        }),
  },
  {
    name: "open windows are not restored",
    foundBy: 3,
    parts: () => replace(Checkpoint, "restoreWindows", () => () => {}),
  },
  {
    name: "the ids of events are not in the checkpoint",
    foundBy: 10,
    parts: () => replace(IdWriter, "restore", () => () => {}),
  },
  {
    name: "how far the events of a bus have come is not in the checkpoint",
    foundBy: 9,
    parts: () =>
      replace(Watermark, "restore", (restore) =>
        function (valueMs: number, greatestMs: readonly number[]) {
          restore.call(this, valueMs, greatestMs.map(() => -Infinity));
        }),
  },
  {
    name: "an event goes only into the first of its functions",
    foundBy: 2,
    parts: () =>
      replace(FunctionRules, "functionsOf", (functionsOf) =>
        function (answer: number) {
          return functionsOf.call(this, answer).slice(0, 1);
        }),
  },
  {
    name: "what is dropped by its name is not counted",
    foundBy: 16,
    parts: () =>
      replace(EventAggregator, "aggregate", (aggregate) =>
        function (...batch) {
          aggregate.call(this, ...batch);
          this.books.received -= this.books.dropped;
          this.books.dropped = 0;
        }),
  },
  {
    name: "a correction replaces what it corrects",
    foundBy: 3,
    parts: () => replace(ArchivedWindow, "find", () => () => undefined),
  },
  {
    name: "the dead letter of a rejected row is forgotten",
    foundBy: 5,
    parts: () =>
      replace(
        OutboxLog,
        "reject",
        () =>
          function (sink: string, _aggregate: Aggregate, _refusal: SinkRefusal, nextId: number) {
            this.advance(sink, nextId);
          },
      ),
  },
  {
    name: "rows are condemned although no other passes",
    foundBy: 9,
    parts: () => replace(Trial, "anotherPasses", () => () => Promise.resolve(true)),
  },
  {
    name: "the bisection drops a row",
    foundBy: 5,
    surroundings: withSinks(droppingInBisection),
  },
  {
    name: "a request is fulfilled and not forgotten",
    foundBy: 3,
    parts: () =>
      replace(DeadLetterKeeper, "settle", (settle) =>
        function (input: CheckpointInput, closed) {
          return settle.call(this, { ...input, settled: { ...input.settled, requests: [] } }, closed);
        }),
  },
  {
    name: "a dead letter is put back twice",
    foundBy: 3,
    parts: () =>
      replace(Checkpoint, "deadLetters", (deadLetters) =>
        function (ids: readonly number[]) {
          const found = deadLetters.call(this, ids);
          return [...found, ...found];
        }),
  },
  {
    name: "a reply is taken for the one that was asked for, whatever its offset",
    foundBy: 7,
    surroundings: withSources((request) => request, (reply, { offset }) => {
      if (reply.kind !== "events" || offset === undefined) return reply;
      const text = new TextDecoder().decode(reply.body);
      const shown = /"offset":(\d+),"next":(\d+)/.exec(text);
      if (shown === null || Number(shown[1]) === offset) return reply;
      const next = offset + Number(shown[2]) - Number(shown[1]);
      const body = text.replace(shown[0], `"offset":${offset},"next":${next}`);
      return { kind: "events", body: new TextEncoder().encode(body) };
    }),
  },
  {
    name: "events that the bus has trimmed away are not counted as lost",
    foundBy: 3,
    parts: () => replace(UnreadEvents, "addLost", () => () => {}),
  },
  {
    name: "refused events are not kept when a checkpoint fails",
    foundBy: 6,
    parts: () =>
      replace(CheckpointMaker, "commit", (commit) =>
        function (choose) {
          const isWritten = commit.call(this, choose);
          if (!isWritten) this.intake.refused = [];
          return isWritten;
        }),
  },
  {
    name: "dead letters that are dropped are not counted",
    foundBy: 4,
    parts: () =>
      replace(DeadLetterKeeper, "drop", (drop) =>
        function (...values) {
          return { ...drop.apply(this, values), dropped: 0 };
        }),
  },
  {
    name: "dead letters of rejected rows are dropped with the others",
    foundBy: 5,
    parts: () =>
      replace(DeadLetterKeeper, "drop", (drop) =>
        function (...values) {
          const left = drop.apply(this, values);
          const { seal } = this.state as StateDatabase;
          if (left.dropped > 0) {
            seal.remove("dead_letter", "sink IS NOT NULL AND id < ?", left.deadLetters.goneId);
          }
          return left;
        }),
  },
  {
    name: "the newest dead letters are dropped instead of the oldest",
    foundBy: 4,
    parts: () =>
      replace(DeadLetterKeeper, "drop", (drop) =>
        function (...values) {
          const { seal, all } = this.state as StateDatabase;
          const newest = all.call(this.state, "SELECT max(id) AS id FROM dead_letter WHERE sink IS NULL");
          const left = drop.apply(this, values);
          if (left.dropped === 0) return left;
          seal.remove("dead_letter", "id = ?", (newest[0] as { id: number }).id);
          return {
            deadLetters: { ...left.deadLetters, deadLetters: left.deadLetters.deadLetters - 1 },
            dropped: left.dropped + 1,
          };
        }),
  },
  {
    name: "event time that lies ahead of the clock is not taken back",
    foundBy: 3,
    parts: () => replace(Watermark, "cap", () => () => false),
  },
  {
    name: "a clock that is behind is believed, whatever the bus says",
    foundBy: 7,
    parts: () => replace(ClockGuard, "holdsBack", () => () => false),
  },
  {
    name: "a clock that is behind is believed where only the state says so",
    foundBy: 7,
    parts: () => replace(OwnClock, "lowerBounds", () => () => []),
  },
  {
    name: "windows are deleted by a clock that has just jumped",
    foundBy: 3,
    parts: () => replace(CorrectionHorizon, "trialMs", () => () => 0),
  },
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
    foundBy: 109,
    needs: "changes",
    parts: () =>
      replace(ArchivedWindow, "revisions", (revisions) =>
        function (...values) {
          return [...revisions.apply(this, values)].slice(0, 1).values();
        }),
  },
  {
    name: "the earlier stays of a sink are forgotten",
    foundBy: 9,
    needs: "changes",
    parts: () => reading((sink) => ({ ...sink, earlier: [] })),
  },
  {
    name: "what a sink was to get before it went counts as handed over",
    foundBy: 9,
    needs: "changes",
    parts: () =>
      reading((sink) => ({
        ...sink,
        earlier: sink.earlier.map((stay) => ({ ...stay, cursor: stay.untilId })),
      })),
  },
  {
    name: "a sink that comes back begins with the first aggregate it ever got",
    foundBy: 89,
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
  {
    name: "rows that are sent again count as there before the sink has them",
    foundBy: 27,
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
  {
    name: "a bus is never asked again for what was read of it",
    foundBy: 8,
    parts: () =>
      replace(HistoryWatch, "compareIfDue", () =>
        function ({ lineage }) {
          this.comparedLog = lineage;
          return Promise.resolve(undefined);
        }),
  },
  {
    name: "a bus that was restored is read on from where it was",
    foundBy: 8,
    parts: () =>
      replace(HistoryComparison, "parting", () =>
        function (end: number) {
          return Promise.resolve({ next: end, unknown: 0 });
        }),
  },
  {
    name: "a bus that was restored is read again from its oldest event",
    foundBy: 8,
    parts: () =>
      replace(HistoryComparison, "parting", (parting) =>
        async function (...values) {
          return { ...await parting.apply(this, values), next: this.history.at(0).offset };
        }),
  },
  {
    name: "what was read of a log is forgotten with the process",
    foundBy: 67,
    parts: () => replace(PositionWriter, "writeHistories", () => () => {}),
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
