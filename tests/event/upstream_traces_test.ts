import assert from "node:assert/strict";
import { UpstreamTraces } from "../../src/event/upstream_traces.ts";

Deno.test("each trace is noted once, and neither too many nor too long ones", () => {
  const traces = new UpstreamTraces();
  for (const text of ["a", undefined, "b", "a", "x".repeat(10_000)]) traces.note(text);
  assert.deepEqual(traces.texts(), ["a", "b"]);
  for (let i = 0; i < 1000; i++) traces.note(`trace ${i}`);
  assert.ok(traces.isFull);
  assert.equal(traces.texts().length, 32);
  traces.clear();
  assert.deepEqual([traces.texts(), traces.isFull], [[], false]);
});
