import type { Presence, Stay } from "./stay.ts";

/** A sink as the state knows it. */
export interface RegisteredSink extends Presence {
  /** The operator's name for it. */
  readonly id: string;
  readonly kind: string;
  /** Its bit in the masks of segments; 0: it is not configured now. */
  readonly bit: number;
  /** The outbox id at which it was last added. Older aggregates did not go to it then. */
  readonly sinceId: number;
  /** The next outbox id for it. */
  cursor: number;
  /**
   * Events in the aggregates that it has received or will, in all of its stays. An event counts once for each
   * of its series, not for each revision.
   */
  routedCount: number;
  /** Events in aggregates that it never received, since it was removed before (`--forget-sink`). */
  givenUpCount: number;
  /** Events in aggregates that it rejected and an operator purged, in windows that are final. */
  purgedCount: number;
  /** Its past stays, as far as the archive still has aggregates of them. */
  readonly earlier: readonly Stay[];
}

export type SinkCounts = Pick<RegisteredSink, "routedCount" | "givenUpCount" | "purgedCount">;

/** A sink of the configuration. */
export type ConfiguredSink = Pick<RegisteredSink, "id" | "kind">;
