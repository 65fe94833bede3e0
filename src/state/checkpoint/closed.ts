import type { Aggregate } from "../../aggregation/aggregate.ts";
import type { OpenWindow } from "../../aggregation/open_windows.ts";
import type { SegmentBuilder } from "../outbox/segment.ts";
import type { ColumnWriter } from "./columns.ts";

/** The result of closing windows. The caller applies it once the transaction is committed. */
export interface Closed {
  /** The end of the outbox after closing. */
  endId: number;
  /**
   * Events that the closed aggregates have added: an event counts once for each of its series, not for each
   * revision.
   */
  events: number;
  /** The same by the length of the windows, ms. */
  readonly eventsByLength: Map<number, number>;
  /** Those that they have added for each sink. */
  readonly routed: Map<string, number>;
  /** The same by the length of the windows, ms. */
  readonly routedByLength: Map<string, Map<number, number>>;
  /**
   * Those of `routed` that were given up when the sink was removed, and that a correction delivers after all.
   */
  readonly recovered: Map<string, number>;
  /**
   * Events in aggregates that go to no sink by the operator's routes, less those that did not before and do
   * now.
   */
  unrouted: number;
  /** Aggregates whose value is not finite. */
  readonly notFinite: Aggregate[];
}

/** Nothing is closed yet. */
export function nothingClosed(): Closed {
  return {
    endId: 0,
    events: 0,
    eventsByLength: new Map(),
    routed: new Map(),
    routedByLength: new Map(),
    recovered: new Map(),
    unrouted: 0,
    notFinite: [],
  };
}

/** A segment that is made, and not yet in the outbox. */
export interface ClosedSegment {
  readonly window: Pick<OpenWindow, "startMs" | "endMs">;
  readonly rowCount: number;
  readonly firstHash: number;
  readonly lastHash: number;
  /** Union of the rows' sinks. */
  readonly sinkBits: number;
  readonly rows: Uint8Array;
}

/** The segment of what the builder holds, which is empty then. Its bytes are valid until the next one. */
export function finishSegment(
  builder: SegmentBuilder,
  writer: ColumnWriter,
  window: Pick<OpenWindow, "startMs" | "endMs">,
): ClosedSegment {
  const { firstHash, lastHash, rowCount, sinkBits } = builder;
  return { window, rowCount, firstHash, lastHash, sinkBits, rows: builder.finish(writer) };
}
