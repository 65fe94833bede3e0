import { addRefusedAggregates } from "../letters/dead_letters.ts";
import { lengthOf } from "../../aggregation/tier.ts";
import { addTo } from "./sink_tiers.ts";
import { historyOf, type WindowKey } from "./expected_rows.ts";
import type { RegisteredSink } from "./registered_sink.ts";
import type { StateDatabase } from "../file/state_database.ts";

/**
 * Gives up the aggregates that wait for a sink, within the transaction of the caller. Returns how many
 * aggregates that were, and how many events the sink's aggregates will lack. A rejected aggregate that was to
 * be retried becomes a purged dead letter again: the books count it as delivered to the sink.
 */
export function giveUpWaiting(state: StateDatabase, sink: RegisteredSink, nowMs: number) {
  const windows = state.all<WindowKey>(
    `SELECT DISTINCT window_start_ms AS startMs, window_end_ms AS endMs FROM segment
     WHERE first_id + row_count > ? AND (sink_bits & ?) != 0`,
    sink.cursor,
    sink.bit,
  );
  const givenUp = { aggregates: 0, events: 0, eventsByLength: new Map<number, number>() };
  for (const window of windows) {
    for (const { handed, waiting } of historyOf(state, sink, window).values()) {
      const newest = waiting.at(-1);
      if (newest === undefined) continue;
      givenUp.aggregates += waiting.length;
      const events = Math.max(0, newest.count - (handed.at(-1)?.count ?? 0));
      givenUp.events += events;
      addTo(givenUp.eventsByLength, lengthOf(window), events);
      const again = waiting.filter(({ revision }) => handed.some((earlier) => earlier.revision === revision));
      addRefusedAggregates(
        state,
        again.map((aggregate) => ({
          reason: "rejected",
          detail: "",
          sink: sink.id,
          aggregate,
        })),
        nowMs,
        true,
      );
    }
  }
  return givenUp;
}
