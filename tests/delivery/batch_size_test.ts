import assert from "node:assert/strict";
import { BatchSize } from "../../src/delivery/batch_size.ts";

/** `times` writes of so many aggregates that succeed. */
function pass(size: BatchSize, aggregates: number, times: number): number {
  for (let i = 0; i < times; i++) size.passed(aggregates);
  return size.limit;
}

Deno.test("a write that took too long halves what is tried, down to one aggregate", () => {
  const size = new BatchSize(100);
  assert.equal(size.limit, 100);
  const limits = [100, 50, 25, 2, 1, 0].map((aggregates) => {
    size.tookTooLong(aggregates);
    return size.limit;
  });
  assert.deepEqual(limits, [50, 25, 12, 1, 1, 1]);
});

Deno.test("sixteen full writes in a row double it, up to the maximum; others do not count", () => {
  const size = new BatchSize(100);
  size.tookTooLong(60);
  assert.equal(pass(size, 29, 99), 30);
  assert.equal(pass(size, 30, 15), 30);
  assert.equal(pass(size, 30, 1), 60);
  assert.equal(pass(size, 61, 15), 60, "the writes at another limit do not count");
  assert.equal(pass(size, 61, 1), 100);
  assert.equal(pass(size, 100, 16), 100);
  size.tookTooLong(80);
  assert.equal(pass(size, 40, 15), 40);
  size.tookTooLong(40);
  assert.equal(pass(size, 20, 15), 20, "nor do those before another failure");
});

Deno.test("the maximum can be restored at once", () => {
  const size = new BatchSize(100);
  size.tookTooLong(2);
  size.restore();
  assert.equal(size.limit, 100);
});
