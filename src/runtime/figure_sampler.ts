import { BOOK_ENTRIES, type EventBooks } from "../aggregation/event_books.ts";
import {
  type Figures,
  keptSinks,
  keptSources,
  type SinkFigures,
  type SourceFigures,
} from "../state/figures/figures.ts";
import { type LiveBusOverview, type LiveOverview, rowsBefore, watermarkLagMs } from "./overview.ts";

/** The totals since the start of the handler. */
interface Totals {
  readonly events: EventBooks;
  readonly lateArrivals: number;
  readonly received: ReadonlyMap<string, number>;
  readonly sinks: ReadonlyMap<string, { readonly delivered: number; readonly rejected: number }>;
}

/** Tells what a handler has done between two looks at it. */
export class FigureSampler {
  private before: Totals;

  /**
   * @param overview Where it begins.
   * @param beforeMs The time of it by a clock that never jumps, ms.
   */
  constructor(overview: LiveOverview, private beforeMs: number) {
    this.before = totalsOf(overview);
  }

  /**
   * The figures since the last call.
   *
   * @param stepMs Length of the steps. The time since the last call is about one of them.
   */
  next(overview: LiveOverview, monotonicMs: number, stepMs: number): Figures {
    const { before } = this;
    const now = this.before = totalsOf(overview);
    const passedMs = Math.max(0, monotonicMs - this.beforeMs);
    this.beforeMs = monotonicMs;
    const events = { ...now.events };
    for (const entry of BOOK_ENTRIES) events[entry] -= before.events[entry];
    const lagMs = watermarkLagMs(overview);
    return {
      // The step that most of the time was in: a timer may be late.
      atMs: Math.floor((overview.nowMs - Math.min(passedMs, stepMs) / 2) / stepMs) * stepMs,
      stepMs,
      seconds: passedMs / 1000,
      events,
      lateArrivals: now.lateArrivals - before.lateArrivals,
      outboxRows: overview.outboxRows,
      openWindows: overview.openWindows,
      ...(lagMs !== undefined && { watermarkLagMs: lagMs }),
      sources: keptSources(overview.buses).map((bus): SourceFigures => ({
        name: bus.name,
        received: (now.received.get(bus.name) ?? 0) - (before.received.get(bus.name) ?? 0),
        ...lagOf(bus, overview.nowMs),
        ...unreadOf(bus),
      })),
      sinks: keptSinks(overview.sinks).map((sink): SinkFigures => {
        const [past, present] = [before.sinks, now.sinks].map((sinks) => sinks.get(sink.name));
        return {
          name: sink.name,
          delivered: (present?.delivered ?? 0) - (past?.delivered ?? 0),
          rejected: (present?.rejected ?? 0) - (past?.rejected ?? 0),
          waiting: rowsBefore(overview, sink),
        };
      }),
    };
  }
}

function totalsOf({ activity: { buses, counts, sinks } }: LiveOverview): Totals {
  return {
    events: Object.fromEntries(BOOK_ENTRIES.map((entry) => [entry, counts[entry]])) as unknown as EventBooks,
    lateArrivals: counts.lateArrivals,
    received: new Map([...buses].map(([name, { events }]) => [name, events.received])),
    sinks: new Map([...sinks].map(([name, { delivered, rejected }]) => [name, { delivered, rejected }])),
  };
}

/** How old the newest event of a bus is. */
function lagOf({ partitions }: LiveBusOverview, nowMs: number): { lagMs?: number } {
  const newest = partitions.flatMap(({ newestEventMs }) => newestEventMs ?? []);
  return newest.length === 0 ? {} : { lagMs: nowMs - newest.reduce((a, b) => Math.max(a, b)) };
}

function unreadOf({ partitions }: LiveBusOverview): { unread?: number } {
  const known = partitions.flatMap(({ unreadEvents }) => unreadEvents ?? []);
  return known.length === 0 ? {} : { unread: known.reduce((a, b) => a + b) };
}
