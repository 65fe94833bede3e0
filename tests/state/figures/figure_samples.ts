import { BOOK_ENTRIES } from "../../../src/aggregation/event_books.ts";
import type { Figures } from "../../../src/state/figures/figures.ts";

/** Figures of ten seconds in which `received` events came. */
export function figuresAt(atMs: number, received: number, given: Partial<Figures> = {}): Figures {
  return {
    atMs,
    stepMs: 10_000,
    seconds: 10,
    events: { ...NO_EVENTS, received, aggregated: received },
    outboxRows: 0,
    openWindows: 1,
    sources: [],
    sinks: [],
    ...given,
  };
}

export const NO_EVENTS = Object.fromEntries(
  BOOK_ENTRIES.map((entry) => [entry, 0]),
) as unknown as Figures["events"];
