import type { OutboxBatch } from "../contract/sink.ts";
import type { Clock } from "../platform/clock/clock.ts";
import type { RangedSpans } from "../platform/telemetry/ranged_spans.ts";
import { traceparentOf } from "../platform/telemetry/traceparent.ts";
import type { TracedSpan, Tracing } from "../platform/telemetry/tracing.ts";

/** Closings that one write names at most. */
const LINKS_MAX = 64;

export interface Recorder {
  readonly tracing: Tracing;
  /** The spans of closings, by outbox ids. */
  readonly closings: RangedSpans;
  readonly clock: Clock;
}

/** The spans of one sink's delivery: one for each write, as a part of the closing that it delivers. */
export class DeliveryTraces {
  /** The span of the last write. */
  private last: TracedSpan | undefined;

  /** @param to Where spans go to; undefined: nothing is traced. */
  constructor(private readonly to?: Recorder) {}

  /** Writes a batch within a span, which the batch names. A batch of several closings is linked to all. */
  async write(
    sink: string,
    batch: OutboxBatch,
    write: (traced: OutboxBatch) => Promise<void>,
  ): Promise<void> {
    if (this.to === undefined) return await write(batch);
    const { clock, closings, tracing } = this.to;
    const ids = batch.ids;
    const links = closings.of(ids[0] ?? batch.firstId, (ids.at(-1) ?? batch.nextId) + 1, LINKS_MAX);
    const parent = links.pop();
    const span = this.last = tracing.begin("deliver", {
      role: "producer",
      startMs: clock.nowMs(),
      attributes: {
        "vabus.sink": sink,
        "vabus.aggregates": batch.aggregates.length,
        "vabus.outbox.first_id": batch.firstId,
      },
      parent,
      links,
    });
    try {
      await span.during(() => write({ ...batch, traceparent: traceparentOf(span.context) }));
      span.end(clock.nowMs());
    } catch (error) {
      span.end(clock.nowMs(), {}, (error as Error).message);
      throw error;
    }
  }

  /** Does what follows from the last write, so that its log lines name that write. */
  afterLast<T>(work: () => T): T {
    return this.last === undefined ? work() : this.last.during(work);
  }
}
