import type { SinkErrorKind } from "../contract/sink.ts";
import type { DeletedRows } from "../contract/read_back.ts";
import type { TierProof } from "./tier_verification.ts";
import type { Loss } from "../state/outbox/losses.ts";

/** The proof of one sink. Counts are of events, rows of aggregates. */
export interface SinkProof {
  readonly sink: string;
  /**
   * The events that the sink's rows must count, and those that they do count; null: not summed up
   * (`--since`).
   */
  readonly expected_events: number | null;
  readonly found_events: number | null;
  /** Events that are still on their way to it, or that it refused. */
  readonly waiting_events: number;
  readonly refused_events: number;
  readonly windows_compared: number;
  readonly rows_compared: number;
  /** The events in the rows of each tier; empty: there is one tier, or no sum was taken (`--since`). */
  readonly tiers: readonly TierProof[];
  /** Events in rows that the sink has deleted for their age; they are among `found_events`. */
  readonly deleted_events: number;
  /** Unix seconds. Of windows that start before it, only the sum is proven; null: all are compared. */
  readonly rows_since: number | null;
  /** The first differences, each as a sentence. */
  readonly differences: readonly string[];
  readonly difference_count: number;
  /** Why the sink could not be read completely, so that nothing is proven about it; null: it was read. */
  readonly failure: { readonly kind: SinkErrorKind; readonly message: string } | null;
}

export interface Proof {
  /** Also false where a sink could not be read. */
  readonly proven: boolean;
  /** The contradictions within the state. */
  readonly state_faults: readonly string[];
  readonly sinks: readonly SinkProof[];
  /** Everything that was ever dropped, for whatever reason; empty: nothing was. */
  readonly losses: readonly Loss[];
  /** Events that a restored bus has sent again and that may be the same as before. */
  readonly perhaps_counted_twice: number;
  /** How often a bus began anew or came back without events that were read: what it had unread is unknown. */
  readonly resets: number;
  /** The sum of the losses. */
  readonly lost: number;
  /** Refused events and aggregates that are kept as dead letters. */
  readonly kept_letters: number;
}

/** @param found What is known of the proof. The rest is zero or null. */
export function proofOf(
  sink: string,
  found: {
    expectedEvents?: number | null;
    foundEvents?: number | null;
    tiers?: readonly TierProof[];
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
    tiers: found.tiers ?? [],
    deleted_events: found.deleted?.events ?? 0,
    rows_since: found.deleted === undefined ? null : found.deleted.beforeMs / 1000,
    differences: found.differences,
    difference_count: found.differenceCount,
    failure: found.failure ?? null,
  };
}
