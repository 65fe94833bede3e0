import { Books } from "../state/checkpoint/books.ts";
import type { StateDatabase } from "../state/file/state_database.ts";
import type { RegisteredSink } from "../state/outbox/registered_sink.ts";

/** The progress of a sink at one moment. */
export interface SinkStanding {
  readonly sink: RegisteredSink;
  readonly refusedEvents: number;
  readonly outboxEndId: number;
  /** Events that were routed to it, by the length of their windows in ms. */
  readonly routedByLength: ReadonlyMap<number, number>;
  /** Those of `refusedEvents`, by the length of their windows in ms. */
  readonly refusedByLength: ReadonlyMap<number, number>;
}

/** The standing of a sink; undefined: the state knows no such sink. */
export function standingOf(state: StateDatabase, name: string): SinkStanding | undefined {
  return state.snapshot(() => {
    const books = new Books(state);
    const sink = [...books.sinks, ...books.absentSinks].find((candidate) => candidate.id === name);
    if (!sink) return undefined;
    const { kept, purged, byLength } = books.refusedEvents(sink);
    return {
      sink,
      refusedEvents: kept + purged,
      outboxEndId: books.outboxEndId,
      routedByLength: books.routed(sink),
      refusedByLength: byLength,
    };
  });
}

/** Whether nothing has moved between two standings. */
export function isSameStanding(a: SinkStanding, b: SinkStanding): boolean {
  return a.sink.cursor === b.sink.cursor && a.sink.routedCount === b.sink.routedCount &&
    a.refusedEvents === b.refusedEvents && a.outboxEndId === b.outboxEndId;
}
