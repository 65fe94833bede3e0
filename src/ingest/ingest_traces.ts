import type { OpenWindow } from "../aggregation/open_windows.ts";
import type { EventBatch } from "../event/event_batch.ts";
import type { Clock } from "../platform/clock/clock.ts";
import { RangedSpans } from "../platform/telemetry/ranged_spans.ts";
import { parseTraceparent } from "../platform/telemetry/traceparent.ts";
import type { SpanContext, Tracing } from "../platform/telemetry/tracing.ts";
import type { PartitionState } from "./partition_state.ts";

/** Batches whose spans are remembered, so that the windows that they went into can name them. */
const BATCHES_MAX = 4096;
/** Batches that one closing of windows names at most. */
const LINKS_MAX = 64;

/**
 * The spans of ingest: one for each batch, from its read until it is taken in, and one for each checkpoint
 * that closes windows. A window is fed by many batches, so its closing is a trace of its own, which is linked
 * to theirs.
 */
export class IngestTraces {
  /** By event time, Unix ms. */
  private readonly batches = new RangedSpans(BATCHES_MAX);

  /** @param closings Gets the spans of closings, by the outbox ids of what they have produced. */
  constructor(
    private readonly tracing: Tracing,
    private readonly closings: RangedSpans,
    private readonly clock: Clock,
  ) {}

  /**
   * Takes a batch in within a span.
   *
   * @param readMs How long the read has taken, the wait for the first event included.
   * @param takeIn Returns false where the batch is held back, and will be read again.
   */
  read(
    partition: PartitionState,
    decodeMs: number,
    readMs: number,
    batch: EventBatch,
    takeIn: () => boolean,
  ): boolean {
    const span = this.tracing.begin("read", {
      role: "consumer",
      startMs: this.clock.nowMs() - readMs,
      attributes: {
        "vabus.source": partition.source.name,
        "vabus.partition": partition.id,
        "vabus.decode_ms": decodeMs,
      },
      links: (batch.upstream?.texts() ?? []).flatMap((text) => parseTraceparent(text) ?? []),
    });
    const events = batch.count;
    const invalid = batch.invalid.length;
    const isTaken = span.during(takeIn);
    if (isTaken && span.isSampled) this.remember(batch, span.context);
    const numbers = { "vabus.events": events, "vabus.events.invalid": invalid };
    span.end(this.clock.nowMs(), numbers, isTaken ? undefined : "held back: it is read again");
    return isTaken;
  }

  /**
   * Closes windows within a span. A checkpoint that closes none has no span.
   *
   * @param write Writes the checkpoint.
   * @param endId The end of the outbox, one past its newest id.
   */
  close<T>(windows: readonly OpenWindow[], endId: () => number, write: () => T): T {
    if (windows.length === 0) return write();
    const { clock } = this;
    const firstId = endId();
    const fromMs = Math.min(...windows.map(({ startMs }) => startMs));
    const toMs = Math.max(...windows.map(({ endMs }) => endMs));
    const span = this.tracing.begin("close windows", {
      role: "internal",
      startMs: clock.nowMs(),
      attributes: {
        "vabus.windows": windows.length,
        "vabus.windows.start": new Date(fromMs).toISOString(),
        "vabus.windows.end": new Date(toMs).toISOString(),
      },
      links: this.batches.of(fromMs, toMs, LINKS_MAX),
    });
    try {
      const result = span.during(write);
      const nextId = endId();
      this.closings.add(firstId, nextId, span.context);
      span.end(clock.nowMs(), { "vabus.aggregates": nextId - firstId });
      return result;
    } catch (error) {
      span.end(clock.nowMs(), {}, (error as Error).message);
      throw error;
    }
  }

  private remember({ count, timeMs }: EventBatch, context: SpanContext): void {
    let [earliestMs, latestMs] = [Infinity, -Infinity];
    for (let event = 0; event < count; event++) {
      earliestMs = Math.min(earliestMs, timeMs[event]!);
      latestMs = Math.max(latestMs, timeMs[event]!);
    }
    if (count > 0) this.batches.add(earliestMs, latestMs + 1, context);
  }
}
