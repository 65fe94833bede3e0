import { type EventAggregator } from "../../aggregation/event_aggregator.ts";
import { BOOK_ENTRIES } from "../../aggregation/event_books.ts";
import type { StateDatabase } from "../file/state_database.ts";
import { latestMs } from "./book_entries.ts";
import type { CheckpointInput } from "./checkpoint_input.ts";
import { type Counters, countersOf, entriesOf } from "./counters.ts";
import type { Closed } from "./closed.ts";

/** Writes the books, the counters beside them, and the settings that they were kept by. */
export class BookWriter {
  private committedCounters = countersOf(new Map());
  private greatestNowMs: number | undefined;

  constructor(private readonly state: StateDatabase, private readonly aggregator: EventAggregator) {}

  /**
   * The latest reading of the wall clock at any checkpoint of this state, Unix ms; undefined: there was none.
   */
  get latestMs(): number | undefined {
    return this.greatestNowMs;
  }

  get counters(): Readonly<Counters> {
    const { lateArrivals, contributed } = this.aggregator;
    return { ...this.committedCounters, lateArrivals, contributed };
  }

  /** Restores the books of the aggregator. */
  restore(entries: ReadonlyMap<string, number>): void {
    const { aggregator } = this;
    for (const name of BOOK_ENTRIES) aggregator.books[name] = entries.get(name) ?? 0;
    this.committedCounters = countersOf(entries);
    aggregator.lateArrivals = this.committedCounters.lateArrivals;
    aggregator.contributed = this.committedCounters.contributed;
    this.greatestNowMs = latestMs(entries);
  }

  /** The counters after a checkpoint. */
  countersAfter(input: CheckpointInput, closed: Closed, deadLettersDropped: number): Counters {
    const { committedCounters: counters, aggregator } = this;
    return {
      lost: counters.lost + input.lost,
      lateArrivals: aggregator.lateArrivals,
      contributed: aggregator.contributed,
      closed: counters.closed + closed.events,
      unrouted: counters.unrouted + closed.unrouted,
      notFinite: counters.notFinite + closed.notFinite.length,
      deadLettersDropped: counters.deadLettersDropped + deadLettersDropped,
    };
  }

  /**
   * Writes the entries, within the transaction of the checkpoint.
   *
   * @param others Entries of other parts.
   */
  write(nowMs: number, counters: Counters, others: Readonly<Record<string, number>>): void {
    const { books, options, watermark } = this.aggregator;
    const entries: Record<string, number> = {
      ...books,
      ...entriesOf(counters),
      allowed_lateness_ms: options.allowedLatenessMs,
      correction_horizon_ms: options.correctionHorizonMs,
      dedup_max_ids: options.dedupMaxIds,
      max_series: options.maxSeries,
      checkpoint_at_ms: nowMs,
      clock_latest_ms: Math.max(this.greatestNowMs ?? -Infinity, nowMs),
      watermark_ms: watermark.valueMs,
      ...others,
    };
    for (const [name, value] of Object.entries(entries)) {
      if (value === -Infinity) continue;
      this.state.run("INSERT OR REPLACE INTO account VALUES (?, ?)", name, value);
    }
  }

  committed(nowMs: number, counters: Counters): void {
    this.committedCounters = counters;
    this.greatestNowMs = Math.max(this.greatestNowMs ?? -Infinity, nowMs);
  }
}
