import { BOOK_ENTRIES } from "../../aggregation/event_books.ts";
import { lengthOf } from "../../aggregation/tier.ts";
import { readTierCounts } from "./tier_books.ts";
import { readBookEntries } from "./book_entries.ts";
import { readOpenWindows } from "./open_window_list.ts";
import {
  expectedRows,
  type ExpectedWindow,
  type RefusedEvents,
  refusedEvents,
  type WindowKey,
} from "../outbox/expected_rows.ts";
import { addTo, routedByLength } from "../outbox/sink_tiers.ts";
import { SinkRegistry } from "../outbox/sink_registry.ts";
import type { RegisteredSink } from "../outbox/registered_sink.ts";
import type { StateDatabase } from "../file/state_database.ts";

/**
 * The books of a state: what must hold for it and for its sinks if nothing was lost and nothing was counted
 * twice. Every method reads the last checkpoint; use them within one {@link StateDatabase.snapshot}.
 */
export class Books {
  private readonly registry: SinkRegistry;

  constructor(private readonly state: StateDatabase) {
    this.registry = SinkRegistry.read(state);
  }

  get sinks(): readonly RegisteredSink[] {
    return this.registry.sinks;
  }

  /** Sinks that are no longer configured. */
  get absentSinks(): readonly RegisteredSink[] {
    return this.registry.absent;
  }

  /** One past the newest outbox id given out. */
  get outboxEndId(): number {
    return readBookEntries(this.state).get("outbox_end_id") ?? 0;
  }

  /** Whether the archive still has a window, so that each of its aggregates can be compared. */
  holds(window: WindowKey): boolean {
    return this.state.get(
      "SELECT 1 FROM segment WHERE window_end_ms = ? AND window_start_ms = ? LIMIT 1",
      window.endMs,
      window.startMs,
    ) !== undefined;
  }

  /** The contradictions within the state; empty: there are none. */
  faults(): string[] {
    const entries = readBookEntries(this.state);
    const amount = (name: string) => entries.get(name) ?? 0;
    const faults: string[] = [];
    const [received, ...others] = BOOK_ENTRIES;
    const sumOfOthers = others.reduce((sum, name) => sum + amount(name), 0);
    if (amount(received) !== sumOfOthers) {
      faults.push(`received ${amount(received)} events, but ${others.join(" + ")} = ${sumOfOthers}`);
    }
    for (const name of BOOK_ENTRIES) {
      if (amount(name) < 0) faults.push(`the entry ${name} of the books stands at ${amount(name)}`);
    }
    const deadLetters = this.state.all<{ reason: string; kept: number }>(
      "SELECT reason, count(*) AS kept FROM dead_letter WHERE sink IS NULL GROUP BY reason",
    );
    for (const { reason, kept } of deadLetters) {
      const known = kept + amount(`letters_dropped_${reason}`);
      if (known > amount(reason)) {
        faults.push(`refused ${amount(reason)} as ${reason}, but ${known} are kept or were dropped as such`);
      }
    }
    const open = readOpenWindows(this.state).reduce((sum, window) => sum + window.events, 0);
    if (amount("contributed") !== open + amount("closed")) {
      faults.push(
        `the aggregated events count for ${
          amount("contributed")
        }, but open windows hold ${open} and closed ones ${amount("closed")}`,
      );
    }
    return [...faults, ...this.faultsOfTiers()];
  }

  /** What the events count for must be in the windows of each length. */
  private faultsOfTiers(): string[] {
    const open = Map.groupBy(readOpenWindows(this.state), lengthOf);
    return [...readTierCounts(this.state)].flatMap(([lengthMs, { contributed, closed }]) => {
      const inOpen = (open.get(lengthMs) ?? []).reduce((sum, { events }) => sum + events, 0);
      if (contributed === inOpen + closed) return [];
      return [
        `the aggregated events count for ${contributed} in windows of ${lengthMs / 1000} s, but open ones ` +
        `hold ${inOpen} and closed ones ${closed}`,
      ];
    });
  }

  /** The windows that the archive still has and that start in `[sinceMs, untilMs)`, oldest first. */
  windows(sinceMs: number, untilMs: number): WindowKey[] {
    return this.state.all<WindowKey>(
      `SELECT DISTINCT window_start_ms AS startMs, window_end_ms AS endMs FROM segment
       WHERE window_start_ms >= ? AND window_start_ms < ? ORDER BY window_end_ms, window_start_ms`,
      sinceMs,
      untilMs,
    );
  }

  /** The windows of which aggregates wait for `sink`, oldest first. */
  windowsWaiting(sink: RegisteredSink): WindowKey[] {
    return this.state.all<WindowKey>(
      `SELECT DISTINCT window_start_ms AS startMs, window_end_ms AS endMs FROM segment
       WHERE first_id + row_count > ? AND (sink_bits & ?) != 0 ORDER BY window_end_ms, window_start_ms`,
      sink.cursor,
      sink.bit,
    );
  }

  /** The aggregates of a window that `sink` must have. */
  expected(sink: RegisteredSink, window: WindowKey): ExpectedWindow {
    return expectedRows(this.state, sink, window);
  }

  /** Events that were routed to `sink`, by the length of their windows; see {@link routedByLength}. */
  routed(sink: RegisteredSink): ReadonlyMap<number, number> {
    return routedByLength(this.state, sink.id);
  }

  /** Events that `sink` lacks because it has refused aggregates; all of them also by window length. */
  refusedEvents(sink: RegisteredSink): RefusedEvents & { readonly byLength: ReadonlyMap<number, number> } {
    const lacking = { kept: 0, purged: 0, byLength: new Map<number, number>() };
    const windows = this.state.all<WindowKey>(
      `SELECT DISTINCT window_start_ms AS startMs, window_end_ms AS endMs FROM dead_letter WHERE sink = ?`,
      sink.id,
    );
    for (const window of windows) {
      const { kept, purged } = refusedEvents(this.state, sink, window);
      lacking.kept += kept;
      lacking.purged += purged;
      addTo(lacking.byLength, lengthOf(window), kept + purged);
    }
    return lacking;
  }
}
