import { lengthOf } from "../aggregation/tier.ts";
import type { Registry } from "../runtime/registry.ts";
import { readBookEntries } from "../state/checkpoint/book_entries.ts";
import { Books } from "../state/checkpoint/books.ts";
import type { StateDatabase } from "../state/file/state_database.ts";
import { DOUBTFUL_ENTRY, keptDeadLetters, readLosses, RESET_ENTRY } from "../state/outbox/losses.ts";
import { readRedeliveries } from "../state/outbox/redelivery.ts";
import type { RegisteredSink } from "../state/outbox/registered_sink.ts";
import { addTo } from "../state/outbox/sink_tiers.ts";
import { type CountedPartition, countedShare } from "./fleet_offsets.ts";
import { undeliveredIn } from "./window_comparison.ts";

/** The books of a handler as the API tells them, for a proof by somebody who reads its sinks. */
export type BooksRecord = ReturnType<typeof booksSteps> extends Generator<unknown, infer T> ? T : never;

export type SinkBooksRecord = BooksRecord["sinks"][number];

/** Reads the books in steps, for which the state must be one consistent view. @throws {StateError} */
export function* booksSteps(state: StateDatabase, registry: Registry) {
  const books = new Books(state);
  const losses = readLosses(state);
  yield;
  const { partitions, share } = countedShare(state, registry);
  const facts = {
    instance: state.instanceId,
    state_id: state.stateId,
    state_file: state.path,
    share: share ?? null,
    partitions: partitions.map(partitionRecord),
    state_faults: books.faults(),
    losses,
    lost: losses.reduce((sum, { count }) => sum + count, 0),
    perhaps_counted_twice: readBookEntries(state).get(DOUBTFUL_ENTRY) ?? 0,
    resets: readBookEntries(state).get(RESET_ENTRY) ?? 0,
    kept_letters: keptDeadLetters(state).values().reduce((sum, deadLetters) => sum + deadLetters, 0),
  };
  yield;
  const sinks = [];
  for (const sink of books.sinks) sinks.push(yield* sinkSteps(state, books, sink, true));
  for (const sink of books.absentSinks) sinks.push(yield* sinkSteps(state, books, sink, false));
  return { ...facts, sinks };
}

function partitionRecord({ identity, name, reading }: CountedPartition) {
  if (reading === undefined) return { name, identity, reading: null };
  const { begun, epoch, givenTo, offset, ranges } = reading;
  return {
    name,
    identity,
    reading: {
      offset,
      ranges: ranges.map(({ from, to }) => ({ from, to })),
      epoch,
      begun: begun ?? null,
      given_to: givenTo ?? null,
    },
  };
}

function* sinkSteps(state: StateDatabase, books: Books, sink: RegisteredSink, isPresent: boolean) {
  const undelivered = new Map<number, number>();
  for (const window of books.windowsWaiting(sink)) {
    addTo(undelivered, lengthOf(window), undeliveredIn(books.expected(sink, window)));
    yield;
  }
  const { byLength, kept, purged } = books.refusedEvents(sink);
  yield;
  return {
    sink: sink.id,
    kind: sink.kind,
    present: isPresent,
    routed_events: sink.routedCount,
    undelivered_events: undelivered.values().reduce((sum, events) => sum + events, 0),
    refused_events: kept + purged,
    given_up_events: sink.givenUpCount,
    tiers: [...books.routed(sink)].map(([lengthMs, routed]) => ({
      window_seconds: lengthMs / 1000,
      routed_events: routed,
      undelivered_events: undelivered.get(lengthMs) ?? 0,
      refused_events: byLength.get(lengthMs) ?? 0,
    })),
    sent_again: readRedeliveries(state).filter((request) => request.sink === sink.id)
      .map(({ sinceMs, untilMs }) => ({ from: sinceMs / 1000, until: untilMs / 1000 })),
  };
}
