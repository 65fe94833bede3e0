import type { DeletedRows, SinkErrorKind } from "../contract/sink.ts";
import type { Loss } from "../state/outbox/losses.ts";

/** The proof of one sink. Counts are of events, rows of aggregates. */
export interface SinkProof {
  readonly sink: string;
  /** Events that the sink's rows must stand for, and do stand for; null when not summed up (`--since`). */
  readonly expected_events: number | null;
  readonly found_events: number | null;
  /** Events that are still on their way to it, or that it refused. */
  readonly waiting_events: number;
  readonly refused_events: number;
  readonly windows_compared: number;
  readonly rows_compared: number;
  /** Events in rows that the sink has deleted for their age; they are among `found_events`. */
  readonly deleted_events: number;
  /** Of windows that start before, Unix seconds, only the sum is proven; null: of none. */
  readonly rows_since: number | null;
  /** The first of them, each a sentence. */
  readonly differences: readonly string[];
  readonly difference_count: number;
  /** Why it could not be read to its end, so that nothing is said of it; null: it was. */
  readonly failure: { readonly kind: SinkErrorKind; readonly message: string } | null;
}

export interface Proof {
  /** False also where a sink could not be read. */
  readonly proven: boolean;
  /** What does not add up within the state. */
  readonly state_faults: readonly string[];
  readonly sinks: readonly SinkProof[];
  /** All that was ever dropped, for whatever reason; empty: nothing was. */
  readonly losses: readonly Loss[];
  /** Events that a restored bus has given again, of which nobody can tell whether they are the same. */
  readonly perhaps_counted_twice: number;
  /** Their sum. */
  readonly lost: number;
  /** Refused events and aggregates that are kept as dead letters. */
  readonly kept_letters: number;
}

/** @param found What of it is known. */
export function proofOf(
  sink: string,
  found: {
    expectedEvents?: number | null;
    foundEvents?: number | null;
    waitingEvents?: number;
    refusedEvents?: number;
    windowsCompared?: number;
    rowsCompared?: number;
    deleted?: DeletedRows | undefined;
    differences: readonly string[];
    differenceCount: number;
    failure?: SinkProof["failure"];
  },
): SinkProof {
  return {
    sink,
    expected_events: found.expectedEvents ?? null,
    found_events: found.foundEvents ?? null,
    waiting_events: found.waitingEvents ?? 0,
    refused_events: found.refusedEvents ?? 0,
    windows_compared: found.windowsCompared ?? 0,
    rows_compared: found.rowsCompared ?? 0,
    deleted_events: found.deleted?.events ?? 0,
    rows_since: found.deleted === undefined ? null : found.deleted.beforeMs / 1000,
    differences: found.differences,
    difference_count: found.differenceCount,
    failure: found.failure ?? null,
  };
}
