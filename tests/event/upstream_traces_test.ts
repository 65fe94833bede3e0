import assert from "node:assert/strict";
import { UpstreamTraces } from "../../src/event/upstream_traces.ts";

Deno.test("each trace is noted once, and neither too many nor too long ones", () => {
  const traces = new UpstreamTraces();
  const longest = "x".repeat(256);
  for (const text of ["a", undefined, longest, "a", `${longest}x`]) traces.note(text);
  assert.deepEqual(traces.texts(), ["a", longest]);
  for (let i = 0; i < 1000; i++) traces.note(`trace ${i}`);
  assert.ok(traces.isFull);
  assert.equal(traces.texts().length, 32);
  traces.clear();
  assert.deepEqual([traces.texts(), traces.isFull], [[], false]);
});
