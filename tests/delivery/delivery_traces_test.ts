import assert from "node:assert/strict";
import type { OutboxBatch } from "../../src/contract/sink.ts";
import { DeliveryTraces } from "../../src/delivery/delivery_traces.ts";
import { RangedSpans } from "../../src/platform/telemetry/ranged_spans.ts";
import type { SpanContext, SpanStart, TracedSpan, Tracing } from "../../src/platform/telemetry/tracing.ts";
import { HastyClock } from "./delivery_rig.ts";
import { aggregateNamed } from "./memory_outbox.ts";

const context = (n: number): SpanContext => ({
  traceId: `${n}`.repeat(32),
  spanId: `${n}`.repeat(16),
  traceFlags: 1,
});

/** Notes the spans that are begun, what is done within them, and their ends. */
function scene() {
  const begun: (SpanStart & { readonly name: string })[] = [];
  const ended: unknown[] = [];
  let within = 0;
  const span: TracedSpan = {
    context: context(9),
    isSampled: true,
    during: (work) => {
      within++;
      return work();
    },
    end: (...end) => void ended.push(end),
  };
  const tracing: Pick<Tracing, "begin"> = {
    begin: (name, start) => {
      begun.push({ name, ...start });
      return span;
    },
  };
  const closings = new RangedSpans(8);
  const clock = new HastyClock();
  const traces = new DeliveryTraces({ tracing: tracing as Tracing, closings, clock });
  return { traces, begun, ended, closings, clock, within: () => within };
}

const BATCH: OutboxBatch = {
  firstId: 3,
  nextId: 9,
  ids: [4, 5, 6],
  aggregates: ["a", "b", "c"].map(aggregateNamed),
};

Deno.test("a write is a part of the oldest closing that it delivers, and linked to the others", async () => {
  const { begun, closings, clock, ended, traces, within } = scene();
  closings.add(0, 4, context(1));
  closings.add(4, 5, context(2));
  closings.add(5, 7, context(3));
  closings.add(7, 9, context(4));
  let written: OutboxBatch | undefined;
  clock.ms = 10;
  await traces.write("s", BATCH, (batch) => {
    written = batch;
    clock.ms = 15;
    return Promise.resolve();
  });
  assert.deepEqual(begun, [{
    name: "deliver",
    role: "producer",
    startMs: 10,
    attributes: { "vabus.sink": "s", "vabus.aggregates": 3, "vabus.outbox.first_id": 3 },
    parent: context(2),
    links: [context(3)],
  }]);
  assert.deepEqual(ended, [[15]]);
  assert.equal(within(), 1);
  assert.deepEqual(written, { ...BATCH, traceparent: `00-${"9".repeat(32)}-${"9".repeat(16)}-01` });
});

Deno.test("a write that fails ends its span with the reason, and what follows is done within the last one", async () => {
  const { clock, ended, traces, within } = scene();
  assert.equal(traces.afterLast(() => 1), 1);
  assert.equal(within(), 0, "nothing was written yet");
  clock.ms = 7;
  await assert.rejects(traces.write("s", BATCH, () => Promise.reject(new Error("away"))), /away/);
  assert.deepEqual(ended, [[7, {}, "away"]]);
  assert.equal(traces.afterLast(() => 2), 2);
  assert.equal(within(), 2);
});

Deno.test("where nothing is traced the batch is written as it is", async () => {
  let written: OutboxBatch | undefined;
  await new DeliveryTraces().write("s", BATCH, (batch) => Promise.resolve(void (written = batch)));
  assert.equal(written, BATCH);
});
