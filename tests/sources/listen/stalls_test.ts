import assert from "node:assert/strict";
import { Stalls } from "../../../src/sources/listen/stalls.ts";

Deno.test("what comes right after the process stood still may have waited as long as it did", () => {
  let nowMs = 5000;
  const stalls = new Stalls(() => nowMs);
  try {
    const since = (passedMs: number) => stalls.waitingSince(nowMs += passedMs);
    assert.deepEqual([since(0), since(999), since(1)], [5000, 5999, 6000]);
    // It stands still from here on.
    assert.deepEqual([since(6500), since(900), since(900)], [6000, 6000, 6000]);
    assert.equal(since(200), nowMs);
    nowMs += 1000;
    assert.equal(stalls.waitingSince(nowMs), nowMs - 1000);
    // A clock that is set back is no stall.
    assert.equal(since(-5000), nowMs);
    assert.equal(since(500), nowMs);
  } finally {
    stalls.close();
  }
});
