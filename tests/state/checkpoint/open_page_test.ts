import assert from "node:assert/strict";
import { functionId } from "../../../src/event/agg_function.ts";
import { OpenWindows, PAGE_SLOTS, SLOT } from "../../../src/aggregation/open_windows.ts";
import { QuantileSketch } from "../../../src/aggregation/quantile_sketch.ts";
import { ColumnError, ColumnWriter } from "../../../src/state/checkpoint/columns.ts";
import {
  encodeAccumulators,
  encodeKeys,
  eventsInPage,
  restorePage,
} from "../../../src/state/checkpoint/open_page.ts";
import { hashBytes } from "../../../src/event/text_hash.ts";

const SUM = functionId("sum");
const MEDIAN = functionId("p50");

/** Adds series to a window; the index of each decides its number of events. */
function fill(windows: OpenWindows, startMs: number, series: readonly [name: string, func: number][]): void {
  const window = windows.open(startMs, startMs + 1000);
  series.forEach(([name, func], number) => {
    const bytes = new TextEncoder().encode(name);
    const hash = hashBytes(bytes, 0, bytes.length);
    const known = windows.series.find(bytes, 0, bytes.length, hash, func);
    const slot = windows.addSlot(
      known < 0 ? windows.series.add(bytes, 0, bytes.length, hash, func) : known,
      window,
    );
    const accumulator = [number + 0.5, number + 0.25, number + 1];
    windows.accumulators.set(accumulator, slot * SLOT);
    if (func !== MEDIAN) return;
    const sketch = new QuantileSketch();
    for (let i = 0; i <= number; i++) sketch.add(i);
    windows.sketches.set(slot, sketch);
  });
}

/** All that is in the open windows, in the order of their pages. */
function content(windows: OpenWindows) {
  return [...windows.all()].map(({ startMs, endMs, pages }) => ({
    startMs,
    endMs,
    series: pages.flatMap((page) =>
      Array.from({ length: windows.pageUsed[page]! }, (_, i) => {
        const slot = page * PAGE_SLOTS + i;
        const series = windows.slotSeries[slot]!;
        return [new TextDecoder().decode(windows.series.nameBytes(series)), windows.accumulator(slot)];
      })
    ),
  }));
}

const NAMES = ["first", "größe", "x".repeat(512), "first"];

Deno.test("pages come back as they were, of several windows and with their sketches", () => {
  const windows = new OpenWindows([1, 2]);
  fill(windows, 0, NAMES.map((name, i) => [name, i === 3 ? MEDIAN : SUM]));
  fill(windows, 1000, Array.from({ length: PAGE_SLOTS + 1 }, (_, i) => [`n${i}`, i % 2 ? MEDIAN : SUM]));
  const restored = new OpenWindows([1, 2]);
  const writer = new ColumnWriter();
  for (const { startMs, endMs, pages } of windows.all()) {
    const window = restored.open(startMs, endMs);
    for (const page of pages) {
      const keys = encodeKeys(windows, page, writer).slice();
      const values = encodeAccumulators(windows, page, writer).slice();
      restorePage(restored, window, keys, values);
      const used = windows.pageUsed[page]!;
      const first = page === pages[0] ? 0 : PAGE_SLOTS;
      const events = Array.from({ length: used }, (_, i) => first + i + 1).reduce((sum, n) => sum + n, 0);
      assert.deepEqual(eventsInPage(values), { series: used, events });
    }
  }
  assert.deepEqual(content(restored), content(windows));
  assert.equal(restored.seriesCount, windows.seriesCount);
});

Deno.test("a series of several windows is one after they are restored, and a sketch that is the only one comes back", () => {
  const windows = new OpenWindows([1, 2]);
  for (const startMs of [0, 1000]) fill(windows, startMs, NAMES.slice(0, 3).map((name) => [name, SUM]));
  fill(windows, 2000, [["first", MEDIAN]]);
  const restored = new OpenWindows([1, 2]);
  const writer = new ColumnWriter();
  for (const { startMs, endMs, pages } of windows.all()) {
    const keys = encodeKeys(windows, pages[0]!, writer).slice();
    restorePage(
      restored,
      restored.open(startMs, endMs),
      keys,
      encodeAccumulators(windows, pages[0]!, writer).slice(),
    );
  }
  assert.deepEqual(content(restored), content(windows));
  const seriesOf = (all: OpenWindows) =>
    [...all.all()].map(({ pages: [page] }) => {
      const start = page! * PAGE_SLOTS;
      return [...all.slotSeries.subarray(start, start + all.pageUsed[page!]!)];
    });
  assert.deepEqual(seriesOf(windows), [[0, 1, 2], [0, 1, 2], [3]]);
  assert.deepEqual(seriesOf(restored), seriesOf(windows));
});

Deno.test("a page whose columns do not fit each other is refused", () => {
  const keysOf = (ids: number[], lengths: number[], bytes: number) => {
    const writer = new ColumnWriter();
    writer.write(Int32Array.from(ids));
    writer.write(Uint16Array.from(lengths));
    writer.write(new Uint8Array(bytes).fill(97));
    return writer.finish().slice();
  };
  const valuesOf = (numbers: number, sizes: number[] = [], bins: number[] = [], counts = bins.length) => {
    const writer = new ColumnWriter();
    writer.write(new Float64Array(numbers));
    writer.write(Int32Array.from(sizes));
    writer.write(Int32Array.from(bins));
    writer.write(new Float64Array(counts));
    return writer.finish().slice();
  };
  const restore = (keys: Uint8Array, values: Uint8Array) => {
    const windows = new OpenWindows([1, 2]);
    restorePage(windows, windows.open(0, 1000), keys, values);
    return windows.seriesCount;
  };
  assert.equal(restore(keysOf([SUM, SUM], [1, 2], 3), valuesOf(8)), 2);
  assert.equal(restore(keysOf([SUM, MEDIAN], [1, 2], 3), valuesOf(8, [2], [0, 1])), 2);
  const faults: [keys: Uint8Array, values: Uint8Array, message: RegExp][] = [
    [keysOf([SUM, SUM], [1], 3), valuesOf(8), /differ in length/],
    [keysOf([SUM], [1, 2], 3), valuesOf(4), /differ in length/],
    [keysOf([SUM, SUM], [1, 2], 3), valuesOf(4), /differ in length/],
    [keysOf([SUM, SUM], [1, 2], 3), valuesOf(9), /differ in length/],
    [keysOf([SUM, 8], [1, 2], 3), valuesOf(8), /unknown function/],
    [keysOf([SUM, SUM], [1, 2], 2), valuesOf(8), /names of a page are cut off/],
    [keysOf([SUM, MEDIAN], [1, 2], 3), valuesOf(8), /sketch is cut off/],
    [keysOf([SUM, MEDIAN], [1, 2], 3), valuesOf(8, [2], [0]), /sketch is cut off/],
    [keysOf([SUM, MEDIAN], [1, 2], 3), valuesOf(8, [2], [0, 1], 1), /sketch is cut off/],
    [keysOf([SUM, MEDIAN], [1, 2], 3), valuesOf(8, [1], [2 ** 31 - 1]), /impossible bin/],
  ];
  for (const [keys, values, message] of faults) {
    assert.throws(
      () => restore(keys, values),
      (error) => error instanceof ColumnError && message.test(error.message),
      `${message}`,
    );
  }
});
