import { readBookEntries } from "../state/checkpoint/book_entries.ts";
import { StateDatabase } from "../state/file/state_database.ts";
import { SinkRegistry } from "../state/outbox/sink_registry.ts";
import { OrderError } from "./order_error.ts";
import { assertHasWindows, type Span } from "./span.ts";

/** The aggregates that the state has for a sink in a span. */
export interface RedeliveryStock {
  readonly windows: number;
  /** The same by their length, ms. */
  readonly windowsByLength: ReadonlyMap<number, number>;
  /**
   * Windows that ended at this time or before may have left the horizon, and may be missing in the state;
   * undefined: none is.
   */
  readonly goneBeforeMs: number | undefined;
}

/** @throws {OrderError} The state has nothing for the sink in the span. @throws {StateError} */
export function stockOf(stateDir: string, sink: string, span: Span): RedeliveryStock {
  const state = StateDatabase.openForReading(stateDir, true);
  try {
    return state.snapshot(() => {
      assertKnown(state, stateDir, sink);
      return stockIn(state, span);
    });
  } finally {
    state.close();
  }
}

function assertKnown(state: StateDatabase, stateDir: string, sink: string): void {
  const known = SinkRegistry.read(state).sinks.map(({ id }) => id);
  if (known.includes(sink)) return;
  throw new OrderError(
    "impossible",
    `the state in ${stateDir} knows no sink ${sink}: the handler has not run with it. It knows ${
      known.join(", ") || "none"
    }.`,
  );
}

function stockIn(state: StateDatabase, span: Span): RedeliveryStock {
  assertHasWindows(state, span);
  const { sinceMs, untilMs } = span;
  const byLength = state.all<{ lengthMs: number; windows: number }>(
    `SELECT length_ms AS lengthMs, count(*) AS windows FROM
       (SELECT DISTINCT window_end_ms - window_start_ms AS length_ms, window_start_ms FROM segment
        WHERE window_start_ms >= ? AND window_start_ms < ?) GROUP BY length_ms ORDER BY length_ms`,
    sinceMs,
    untilMs,
  );
  const windows = byLength.reduce((sum, ofLength) => sum + ofLength.windows, 0);
  const { firstId } = state.get<{ firstId: number | null }>("SELECT min(first_id) AS firstId FROM segment")!;
  const entries = readBookEntries(state);
  const finalMs = entries.get("final_ms");
  const hasDropped = (firstId ?? entries.get("outbox_end_id") ?? 0) > 0;
  return {
    windows,
    windowsByLength: new Map(byLength.map((ofLength) => [ofLength.lengthMs, ofLength.windows])),
    goneBeforeMs: hasDropped && finalMs !== undefined && sinceMs < finalMs ? finalMs : undefined,
  };
}
