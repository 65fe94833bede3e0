import assert from "node:assert/strict";
import { RangedSpans } from "../../../src/platform/telemetry/ranged_spans.ts";

const span = (spanId: string) => ({ traceId: "t", spanId, traceFlags: 1 });

Deno.test("spans are found by any part of their range, the latest first", () => {
  const spans = new RangedSpans(10);
  spans.add(0, 10, span("a"));
  spans.add(10, 20, span("b"));
  spans.add(5, 15, span("c"));
  const idsOf = (from: number, to: number, limit = 10) =>
    spans.of(from, to, limit).map(({ spanId }) => spanId);
  assert.deepEqual(idsOf(0, 5), ["a"]);
  assert.deepEqual(idsOf(9, 11), ["c", "b", "a"]);
  assert.deepEqual(idsOf(15, 16), ["b"]);
  assert.deepEqual(idsOf(20, 30), []);
  assert.deepEqual(idsOf(0, 20, 2), ["c", "b"]);
});

Deno.test("only the latest are remembered", () => {
  const spans = new RangedSpans(3);
  for (const id of ["a", "b", "c", "d"]) spans.add(0, 1, span(id));
  assert.deepEqual(spans.of(0, 1, 10).map(({ spanId }) => spanId), ["d", "c", "b"]);
});
