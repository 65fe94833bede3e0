import assert from "node:assert/strict";
import { OpenWindows, PAGE_SLOTS } from "../../../src/aggregation/open_windows.ts";
import { hashBytes } from "../../../src/event/text_hash.ts";
import { RowCount, slotsByHash } from "../../../src/state/checkpoint/slot_order.ts";

/** Windows of which one has so many series. */
function windowsOf(count: number): OpenWindows {
  const windows = new OpenWindows([1, 2]);
  const window = windows.open(0, 1000);
  const beside = windows.open(1000, 2000);
  for (let i = 0; i < count; i++) {
    const name = new TextEncoder().encode(`n${i}`);
    const series = windows.series.add(name, 0, name.length, hashBytes(name, 0, name.length), 0);
    windows.addSlot(series, window);
    // The pages of the two are mixed.
    if (i % 3 === 0) windows.addSlot(series, beside);
  }
  return windows;
}

/** The order of the slots of a window, and the steps that it took. */
function ordered(windows: OpenWindows, rowsAStep: number): [slots: number[], steps: number] {
  const [window] = windows.all();
  const walk = slotsByHash(windows, window!.pages, new RowCount(rowsAStep));
  for (let steps = 0;; steps++) {
    const { done, value } = walk.next();
    if (done) return [[...value], steps];
  }
}

for (const count of [0, 1, PAGE_SLOTS, PAGE_SLOTS + 1, 2047, 2048, 2 * 2048, 9000]) {
  Deno.test(`the slots of a window of ${count} series come once each, in the order of their hashes`, () => {
    const windows = windowsOf(count);
    const [window] = windows.all();
    const [slots] = ordered(windows, Infinity);
    const own = window!.pages.flatMap((page) =>
      Array.from({ length: windows.pageUsed[page]! }, (_, i) => page * PAGE_SLOTS + i)
    );
    assert.equal(own.length, count);
    const hashes = slots.map((slot) => windows.series.archiveHash(windows.slotSeries[slot]!) >>> 0);
    assert.deepEqual(hashes, hashes.toSorted((a, b) => a - b));
    assert.deepEqual(slots.toSorted((a, b) => a - b), own.toSorted((a, b) => a - b));
    assert.deepEqual(ordered(windows, 100)[0], slots, "in however many steps");
  });
}

Deno.test("an eighth of a row is counted for each that is looked up, put into its bucket or sorted", () => {
  const windows = windowsOf(8 * PAGE_SLOTS);
  assert.equal(ordered(windows, Infinity)[1], 0);
  // Eight pages are looked up and eight put into buckets, two in each step; the last steps sort.
  assert.equal(ordered(windows, 2 * PAGE_SLOTS / 8)[1], 8 + 2);
});

Deno.test("hashes that differ in their last bit alone are told apart, and each bucket costs its own rows", () => {
  const hashes = Array.from({ length: 6000 }, (_, i) => Math.imul(i, 0x9e3779b1));
  // Pairs of neighbours, the greater one first.
  const pairs = hashes.flatMap((hash) => [hash | 1, hash & ~1]);
  const pages = Math.ceil(pairs.length / PAGE_SLOTS);
  const windows = {
    pageUsed: Array.from(
      { length: pages },
      (_, page) => Math.min(PAGE_SLOTS, pairs.length - page * PAGE_SLOTS),
    ),
    series: { archiveHash: (series: number) => pairs[series]! },
    slotSeries: Array.from(pairs, (_, series) => series),
  } as unknown as OpenWindows;
  let cost = 0;
  const count = { isStep: (rows: number) => (cost += rows, false) } as unknown as RowCount;
  const walk = slotsByHash(windows, Array.from({ length: pages }, (_, page) => page), count).next();
  const ordered = [...walk.value as Int32Array].map((slot) => pairs[slot]! >>> 0);
  assert.deepEqual(ordered, pairs.map((hash) => hash >>> 0).toSorted((a, b) => a - b));
  assert.equal(cost, 3 * pairs.length / 8);
});

Deno.test("a step is done with the row that fills it, and the next one begins with none", () => {
  const count = new RowCount(10);
  assert.deepEqual([4, 5, 1, 9, 1, 25, 9, 1].map((rows) => count.isStep(rows)), [
    false,
    false,
    true,
    false,
    true,
    true,
    false,
    true,
  ]);
});
