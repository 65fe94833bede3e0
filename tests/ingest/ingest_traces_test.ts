import assert from "node:assert/strict";
import type { OpenWindow } from "../../src/aggregation/open_windows.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import { UpstreamTraces } from "../../src/event/upstream_traces.ts";
import { IngestTraces } from "../../src/ingest/ingest_traces.ts";
import type { PartitionState } from "../../src/ingest/partition_state.ts";
import { RangedSpans } from "../../src/platform/telemetry/ranged_spans.ts";
import type { Attributes, SpanStart, TracedSpan, Tracing } from "../../src/platform/telemetry/tracing.ts";
import { LoneClock } from "./rig.ts";

const NOW_MS = 1_767_225_600_000;
const PARTITION = { id: "3", source: { name: "bus" } } as PartitionState;

interface BegunSpan extends SpanStart {
  readonly name: string;
  end?: { readonly endMs: number; readonly attributes: Attributes | undefined; readonly failure?: string };
}

/** Spans are called s1, s2 and so on. `isSampled`: whether those that begin from now on are recorded. */
function scene() {
  const clock = new LoneClock(NOW_MS);
  const spans: BegunSpan[] = [];
  const sampling = { isSampled: true };
  let present: string | undefined;
  const tracing = {
    begin(name: string, start: SpanStart): TracedSpan {
      const span: BegunSpan = { name, ...start };
      spans.push(span);
      const context = { traceId: "t", spanId: `s${spans.length}`, traceFlags: 1 };
      return {
        context,
        isSampled: sampling.isSampled,
        during: (work) => {
          present = context.spanId;
          try {
            return work();
          } finally {
            present = undefined;
          }
        },
        end: (endMs, attributes, failure) => {
          span.end = { endMs, attributes, ...(failure !== undefined && { failure }) };
        },
      };
    },
  } as Partial<Tracing> as Tracing;
  const closings = new RangedSpans(100);
  const traces = new IngestTraces(tracing, closings, clock);
  /** Reads a batch of events of these times. */
  const read = (timesMs: readonly number[], isTaken = true) => {
    const batch = batchOf(...timesMs);
    return traces.read(PARTITION, 2, 30, batch, () => {
      clock.ms += 5;
      return isTaken;
    });
  };
  /** The spans of batches that a closing of these windows names, the latest first. */
  const namedBy = (...windows: readonly (readonly [startMs: number, endMs: number])[]) => {
    traces.close(windows.map(([startMs, endMs]) => ({ startMs, endMs }) as OpenWindow), () => 0, () => {});
    return spans.at(-1)!.links!.map(({ spanId }) => spanId);
  };
  return { clock, closings, namedBy, present: () => present, read, sampling, spans, traces };
}

function batchOf(...timesMs: readonly number[]): EventBatch {
  const batch = new EventBatch();
  batch.count = timesMs.length;
  // As in a batch that was used before, something stands behind its events.
  batch.timeMs = Float64Array.from([...timesMs, 1, 9e15]);
  return batch;
}

Deno.test("a batch has a span from the beginning of its read, which names the traces that its records come from", () => {
  const { clock, present, spans, traces } = scene();
  const batch = batchOf(NOW_MS, NOW_MS);
  batch.invalid.push({} as EventBatch["invalid"][number]);
  batch.upstream = new UpstreamTraces();
  batch.upstream.note("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  batch.upstream.note("no traceparent");
  const isTaken = traces.read(PARTITION, 2, 30, batch, () => {
    assert.equal(present(), "s1");
    // Whoever takes it in may empty it.
    batch.count = 0;
    clock.ms += 5;
    return true;
  });
  assert.equal(isTaken, true);
  const { links, ...span } = spans[0]!;
  assert.deepEqual(span, {
    name: "read",
    role: "consumer",
    startMs: NOW_MS - 30,
    attributes: { "vabus.source": "bus", "vabus.partition": "3", "vabus.decode_ms": 2 },
    end: { endMs: NOW_MS + 5, attributes: { "vabus.events": 2, "vabus.events.invalid": 1 } },
  });
  assert.deepEqual(links!.map(({ spanId }) => spanId), ["b7ad6b7169203331"]);
});

Deno.test("a batch that is held back has failed, and no window names it", () => {
  const { namedBy, read, spans } = scene();
  assert.equal(read([100], false), false);
  assert.equal(spans[0]!.end!.failure, "held back: it is read again");
  assert.deepEqual(namedBy([0, 1000]), []);
});

Deno.test("a closing names the batches that its windows may have events of, and no others", () => {
  const { namedBy, read, sampling } = scene();
  read([150, 130, 199, 140]);
  read([]);
  read([200]);
  sampling.isSampled = false;
  read([150]);
  sampling.isSampled = true;
  read([300, 100]);
  const cases: [windows: [startMs: number, endMs: number][], named: string[]][] = [
    [[[0, 100]], []],
    [[[0, 101]], ["s5"]],
    [[[100, 131]], ["s5", "s1"]],
    [[[199, 200]], ["s5", "s1"]],
    [[[200, 201]], ["s5", "s3"]],
    [[[300, 301]], ["s5"]],
    [[[301, 400]], []],
    [[[0, 10], [120, 140], [20, 30]], ["s5", "s1"]],
    [[[0, 10], [350, 360]], ["s5", "s3", "s1"]],
  ];
  for (const [windows, named] of cases) assert.deepEqual(namedBy(...windows), named, JSON.stringify(windows));
});

Deno.test("a closing has a span, which those who deliver its aggregates can name; a checkpoint without one has none", () => {
  const { clock, closings, spans, traces } = scene();
  const windows = [[60_000, 120_000], [0, 60_000]].map(([startMs, endMs]) =>
    ({ startMs, endMs }) as OpenWindow
  );
  let endId = 7;
  assert.equal(traces.close([], () => endId, () => "written"), "written");
  assert.deepEqual(spans, []);
  const write = () => {
    endId = 10;
    clock.ms += 5;
    return "written";
  };
  assert.equal(traces.close(windows, () => endId, write), "written");
  assert.deepEqual(spans, [{
    name: "close windows",
    role: "internal",
    startMs: NOW_MS,
    attributes: {
      "vabus.windows": 2,
      "vabus.windows.start": "1970-01-01T00:00:00.000Z",
      "vabus.windows.end": "1970-01-01T00:02:00.000Z",
    },
    links: [],
    end: { endMs: NOW_MS + 5, attributes: { "vabus.aggregates": 3 } },
  }]);
  const naming = (id: number) => closings.of(id, id + 1, 9).map(({ spanId }) => spanId);
  assert.deepEqual([6, 7, 9, 10].map(naming), [[], ["s1"], ["s1"], []]);
  assert.equal(traces.close(windows.slice(1), () => endId, () => "written"), "written");
  assert.equal(spans.length, 2, "one window is enough");
});

Deno.test("a closing that cannot be written has failed, and the failure goes on its way", () => {
  const { closings, spans, traces } = scene();
  const failure = new Error("the disk is full");
  const write = () => {
    throw failure;
  };
  assert.throws(() => traces.close([{ startMs: 0, endMs: 1 } as OpenWindow], () => 7, write), failure);
  assert.deepEqual(spans[0]!.end, { endMs: NOW_MS, attributes: {}, failure: "the disk is full" });
  assert.deepEqual(closings.of(0, 100, 9), []);
});
