import assert from "node:assert/strict";
import { Pace } from "../../src/runtime/pace.ts";

Deno.test("between two windows the rate is that of the windows before, whatever the moments of their ends", () => {
  const pace = new Pace();
  const rates: (number | undefined)[] = [];
  for (let second = 0; second < 200; second++) {
    // Sixty aggregates a minute, in two batches, and not quite in time.
    if (second % 60 === 2) pace.note(second * 1000, second + 58 - 30);
    if (second % 60 === 4) pace.note(second * 1000 + (second % 7) * 30, second + 56);
    rates.push(pace.perSecond(second * 1000 + 500, 60_000));
  }
  assert.equal(rates[30], undefined, "one window is no rate");
  // The second batch of a window may be on its way.
  for (const rate of rates.slice(65)) assert.ok(rate! > 0.4 && rate! < 1.1, `${rate}`);
  assert.deepEqual([rates[119], rates[179]], [1, 1]);
});

Deno.test("a counter that has stood still for long has no rate, and a lower one begins anew", () => {
  const pace = new Pace();
  assert.equal(pace.perSecond(0, 1000), undefined);
  for (let second = 0; second < 30; second++) pace.note(second * 1000, second * 5);
  assert.equal(pace.perSecond(29_500, 1000), 5);
  assert.ok(pace.perSecond(40_000, 1000)! < 5);
  assert.equal(pace.perSecond(200_000, 1000), 0);
  pace.note(201_000, 3);
  assert.equal(pace.perSecond(201_000, 1000), undefined);
});
