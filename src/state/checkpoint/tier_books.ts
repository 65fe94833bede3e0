import type { EventAggregator } from "../../aggregation/event_aggregator.ts";
import { lengthOf } from "../../aggregation/tier.ts";
import type { StateDatabase } from "../file/state_database.ts";
import type { Closed } from "./closed.ts";

/** What is counted for the windows of one length, since the state has schema 7. */
export interface TierCounts {
  /** What the aggregated events contribute to them. */
  readonly contributed: number;
  /** What aggregated events would have contributed to windows for which they came too late. */
  readonly lateShares: number;
  /** Events in aggregates of closed windows. */
  readonly closed: number;
}

/** The counts of the last checkpoint, by the length of the windows in ms. */
export function readTierCounts(state: StateDatabase): Map<number, TierCounts> {
  const rows = state.all<TierCounts & { lengthMs: number }>(
    `SELECT length_ms AS lengthMs, contributed, late_shares AS lateShares, closed FROM tier
     ORDER BY length_ms`,
  );
  return new Map(rows.map(({ lengthMs, ...counts }) => [lengthMs, counts]));
}

/** Keeps the books of each tier, which must balance as those of all tiers together. */
export class TierBooks {
  private closed: ReadonlyMap<number, number> = new Map();

  constructor(private readonly state: StateDatabase, private readonly aggregator: EventAggregator) {}

  /**
   * Restores the shares of the aggregator, whose windows are restored. The books of a state of before schema
   * 7 begin with what is open.
   */
  restore(): void {
    const { aggregator } = this;
    const kept = readTierCounts(this.state);
    for (const [lengthMs, { contributed, lateShares }] of kept) {
      aggregator.tierShares.set(lengthMs, { contributed, late: lateShares });
    }
    this.closed = new Map([...kept].map(([lengthMs, { closed }]) => [lengthMs, closed]));
    if (kept.size > 0) return;
    for (const window of aggregator.windows.all()) {
      aggregator.sharesOf(lengthOf(window)).contributed += aggregator.windows.eventsIn(window);
    }
  }

  /** Writes within the transaction of the checkpoint. Returns what {@link committed} takes. */
  write({ eventsByLength }: Closed): ReadonlyMap<number, number> {
    const closed = new Map(this.closed);
    for (const [lengthMs, events] of eventsByLength) {
      closed.set(lengthMs, (closed.get(lengthMs) ?? 0) + events);
    }
    for (const [lengthMs, { contributed, late }] of this.aggregator.tierShares) {
      this.state.run(
        "INSERT OR REPLACE INTO tier (length_ms, contributed, late_shares, closed) VALUES (?, ?, ?, ?)",
        lengthMs,
        contributed,
        late,
        closed.get(lengthMs) ?? 0,
      );
    }
    return closed;
  }

  committed(closed: ReadonlyMap<number, number>): void {
    this.closed = closed;
  }
}
