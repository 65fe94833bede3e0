import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { functionId } from "../../src/event/agg_function.ts";
import type { CurrentWindow } from "../../src/aggregation/current_windows.ts";
import { COUNT, OpenWindows, PAGE_SLOTS, SLOT } from "../../src/aggregation/open_windows.ts";
import { lengthOf } from "../../src/aggregation/tier.ts";
import { hashBytes } from "../../src/event/text_hash.ts";

const FUNCTIONS = [functionId("sum"), functionId("p99")];

function seriesOf(windows: OpenWindows, name: string, func: number): number {
  const bytes = new TextEncoder().encode(name);
  const hash = hashBytes(bytes, 0, bytes.length);
  const series = windows.series.find(bytes, 0, bytes.length, hash, func);
  return series >= 0 ? series : windows.series.add(bytes, 0, bytes.length, hash, func);
}

/** Start and end of a window by its number: of each two, both start at the same time. */
function spanOf(number: number): [startMs: number, endMs: number] {
  const startMs = number >> 1;
  return [startMs, startMs + 1 + (number & 1)];
}

Deno.test("property: slots are a map of (window, series), however windows open and close", () => {
  const step = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        window: fc.nat({ max: 4 }),
        from: fc.nat({ max: 600 }),
        count: fc.nat({ max: 600 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ close: fc.nat({ max: 4 }) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const windows = new OpenWindows([1, 2]);
      const expected = new Map<number, Map<string, number>>();
      for (const step of steps) {
        if ("close" in step) {
          const window = windows.find(...spanOf(step.close));
          assert.equal(window === undefined, !expected.has(step.close));
          if (window) windows.remove(window);
          expected.delete(step.close);
        } else {
          const { window: start, from, count } = step;
          const window = windows.find(...spanOf(start)) ?? windows.open(...spanOf(start));
          const counts = expected.get(start) ?? new Map<string, number>();
          expected.set(start, counts);
          for (let i = from; i < from + count; i++) {
            const func = FUNCTIONS[i % 7 === 0 ? 1 : 0]!;
            const series = seriesOf(windows, `n${i}`, func);
            let slot = windows.findSlot(series, window);
            assert.equal(slot < 0, !counts.has(`n${i}`));
            if (slot < 0) slot = windows.addSlot(series, window);
            windows.accumulators[slot * SLOT + COUNT]! += 1;
            counts.set(`n${i}`, (counts.get(`n${i}`) ?? 0) + 1);
          }
        }
        const found = new Map<number, Map<string, number>>();
        for (const window of windows.all()) {
          const counts = new Map<string, number>();
          for (const page of window.pages) {
            for (let slot = page * PAGE_SLOTS; slot < page * PAGE_SLOTS + windows.pageUsed[page]!; slot++) {
              const { functionId, count, sketch } = windows.accumulator(slot);
              assert.equal(sketch !== undefined, functionId === FUNCTIONS[1]);
              counts.set(
                new TextDecoder().decode(windows.series.nameBytes(windows.slotSeries[slot]!)),
                count,
              );
            }
          }
          found.set(2 * window.startMs + lengthOf(window) - 1, counts);
        }
        assert.deepEqual(found, expected);
        const open = new Set(
          [...expected].flatMap(([number, counts]) =>
            [...counts.keys()].map((name) => `${name} ${number & 1}`)
          ),
        );
        assert.equal(windows.seriesCount, open.size);
        assert.equal(
          windows.sketches.size,
          [...expected.values()].flatMap((counts) => [...counts.keys()]).filter((name) =>
            +name.slice(1) % 7 === 0
          )
            .length,
        );
      }
    }),
    { numRuns: 40 },
  );
});

Deno.test("a page that was freed and taken again counts as new", () => {
  const windows = new OpenWindows([1, 2]);
  const first = windows.open(0, 1);
  windows.addSlot(seriesOf(windows, "a", FUNCTIONS[0]!), first);
  windows.markAllClean();
  const [page] = first.pages;
  windows.remove(first);
  const second = windows.open(1, 2);
  const slot = windows.addSlot(seriesOf(windows, "a", FUNCTIONS[0]!), second);
  assert.deepEqual(second.pages, [page]);
  assert.deepEqual([windows.pageTouched[page!], windows.pageExtended[page!]], [1, 1]);
  assert.equal(windows.accumulator(slot).count, 0);
  assert.equal(windows.findSlot(seriesOf(windows, "a", FUNCTIONS[0]!), first), -1);
});

Deno.test("windows are told apart beyond 2^31 and 2^32 of them", () => {
  for (const opened of [2 ** 31 - 2, 2 ** 32 - 2]) {
    const windows = new OpenWindows([1, 2]);
    Object.assign(windows, { nextWindowNumber: opened });
    const series = seriesOf(windows, "a", FUNCTIONS[0]!);
    const slots = Array.from({ length: 4 }, (_, start) => {
      const window = windows.open(start, start + 1);
      return { window, slot: windows.addSlot(series, window) };
    });
    for (const { window, slot } of slots) assert.equal(windows.findSlot(series, window), slot);
  }
});

Deno.test("pages that a checkpoint has to write stay so while room is made for more", () => {
  const windows = new OpenWindows([1, 2]);
  const series = seriesOf(windows, "a", FUNCTIONS[0]!);
  for (let start = 0; start < 40; start++) windows.addSlot(series, windows.open(start, start + 1));
  const pages = [...windows.all()].flatMap(({ pages }) => pages);
  assert.deepEqual(pages, Array.from({ length: 40 }, (_, page) => page));
  for (const page of pages) {
    assert.deepEqual([windows.pageTouched[page], windows.pageExtended[page]], [1, 1], `${page}`);
  }
  assert.equal(windows.pagesInUse, 40);
});

Deno.test("a slot is that of a series in a window for as long as it is there", () => {
  const windows = new OpenWindows([1, 2]);
  const [a, b] = ["a", "b"].map((name) => seriesOf(windows, name, FUNCTIONS[0]!)) as [number, number];
  const [first, other] = [windows.open(0, 1), windows.open(1, 2)];
  const slots = [windows.addSlot(a, first), windows.addSlot(b, first), windows.addSlot(a, other)];
  const isA = (window: typeof first) => slots.map((slot) => windows.isSlotOf(slot, a, window));
  assert.deepEqual([isA(first), isA(other)], [[true, false, false], [false, false, true]]);
  for (const unused of [-1, slots[1]! + 1, 1e6]) assert.equal(windows.isSlotOf(unused, a, first), false);
  windows.remove(other);
  windows.remove(first);
  assert.deepEqual([isA(first), isA(other)], [[false, false, false], [false, false, false]]);
  const next = windows.open(2, 3);
  assert.equal(windows.addSlot(a, next), slots[0]);
  assert.deepEqual(isA(next), [true, false, false]);
  assert.equal(windows.isSlotOf(slots[1]!, b, next), false, "it named it in a window before");
});

Deno.test("the events of a window are counted over all its pages, and over no other's", () => {
  const windows = new OpenWindows([1, 2]);
  const [window, other] = [windows.open(0, 1), windows.open(1, 2)];
  const count = 2 * PAGE_SLOTS + 3;
  for (let i = 0; i < count; i++) {
    const series = seriesOf(windows, `n${i}`, FUNCTIONS[0]!);
    for (const open of [window, other]) {
      const slot = windows.addSlot(series, open);
      windows.accumulators[slot * SLOT + COUNT] = 2;
    }
  }
  assert.deepEqual([windows.eventsIn(window), windows.eventsIn(other)], [2 * count, 2 * count]);
  assert.equal(windows.eventsIn(windows.open(2, 3)), 0);
});

/** What a slot has before its first event: of the least and the greatest, and of times, the farthest. */
const AT_FIRST: Readonly<Record<string, readonly [x: number, y: number]>> = {
  sum: [0, 0],
  avg: [0, 0],
  count: [0, 0],
  stddev: [0, 0],
  min: [Infinity, 0],
  max: [-Infinity, 0],
  first: [0, Infinity],
  last: [0, -Infinity],
  p0: [Infinity, -Infinity],
  p99: [Infinity, -Infinity],
};

Deno.test("a slot has nothing accumulated at first, as its function has it, whatever was in its page before", () => {
  const windows = new OpenWindows([1, 2]);
  for (let round = 0; round < 2; round++) {
    const window = windows.open(round, round + 1);
    const slots = Object.keys(AT_FIRST).map((name) =>
      windows.addSlot(seriesOf(windows, `of ${name}`, functionId(name)), window)
    );
    for (const [i, [name, [x, y]]] of Object.entries(AT_FIRST).entries()) {
      const accumulator = windows.accumulator(slots[i]!);
      assert.deepEqual(
        [accumulator.functionId, accumulator.x, accumulator.y, accumulator.count],
        [functionId(name), x, y, 0],
        name,
      );
      assert.equal(accumulator.sketch !== undefined, name.startsWith("p"), name);
    }
    for (const [i, slot] of slots.entries()) {
      windows.accumulators.set([10 * i + 1, 10 * i + 2, 10 * i + 3], slot * SLOT);
    }
    for (const [i, slot] of slots.entries()) {
      const { x, y, count } = windows.accumulator(slot);
      assert.deepEqual([x, y, count], [10 * i + 1, 10 * i + 2, 10 * i + 3]);
    }
    windows.remove(window);
    assert.equal(windows.sketches.size, 0);
  }
});

Deno.test("a series counts once for each length of windows that it is in, until the last one is removed", () => {
  const windows = new OpenWindows([1, 2]);
  const [a, b] = ["a", "b"].map((name) => seriesOf(windows, name, FUNCTIONS[1]!)) as [number, number];
  const [first, second, long] = [windows.open(0, 10), windows.open(10, 20), windows.open(0, 60)];
  const inUse = () =>
    [a, b].map((series) => [10, 60, 7].map((lengthMs) => windows.isInUse(series, lengthMs)));
  assert.deepEqual(inUse(), [[false, false, false], [false, false, false]]);
  const counts = [[a, first], [a, second], [b, second], [a, long]].map(([series, window]) => {
    windows.addSlot(series as number, window as typeof first);
    return windows.seriesCount;
  });
  assert.deepEqual(counts, [1, 1, 2, 3]);
  assert.deepEqual(inUse(), [[true, true, false], [true, false, false]]);
  assert.equal(windows.isInUse(-1, 10), false);
  windows.remove(second);
  assert.deepEqual([windows.seriesCount, inUse()], [2, [[true, true, false], [false, false, false]]]);
  windows.remove(first);
  assert.deepEqual([windows.seriesCount, inUse()], [1, [[false, true, false], [false, false, false]]]);
  windows.remove(long);
  assert.deepEqual([windows.seriesCount, windows.windowCount, windows.find(0, 60)], [0, 0, undefined]);
});

Deno.test("the slot of a series is found in each of its windows, in whatever order they opened and close", () => {
  const spans = [[10, 20], [5, 15], [20, 30], [10, 12], [15, 25], [0, 9]] as const;
  for (let turned = 0; turned < spans.length; turned++) {
    const windows = new OpenWindows([1, 2]);
    windows.addSlot(seriesOf(windows, "other", FUNCTIONS[0]!), windows.open(7, 8));
    const series = seriesOf(windows, "a", FUNCTIONS[0]!);
    const open = spans.map(([startMs, endMs]) => windows.open(startMs, endMs));
    const without = [[0, 1], [7, 9], [12, 14], [40, 50]].map(([startMs, endMs]) =>
      windows.open(startMs!, endMs!)
    );
    const slots = open.map((window) => windows.addSlot(series, window));
    const left = new Set(open);
    for (const window of [...open.slice(turned), ...open.slice(0, turned)]) {
      for (const [i, one] of open.entries()) {
        assert.equal(windows.findSlot(series, one), left.has(one) ? slots[i] : -1);
      }
      for (const one of [...without, windows.find(7, 8)!]) assert.equal(windows.findSlot(series, one), -1);
      windows.remove(window);
      left.delete(window);
    }
    assert.equal(windows.series.firstSlot(series), -1);
  }
});

Deno.test("slots are added to windows that are open, and to others, which are opened", () => {
  const windows = new OpenWindows([1, 2]);
  const current = (startMs: number, endMs: number): CurrentWindow => ({
    tier: { lengthMs: endMs - startMs, hopMs: endMs - startMs },
    aheadMs: 0,
    startMs,
    endMs,
    open: undefined,
    isClosedEarly: false,
    isDropped: false,
  });
  const slotsOf = (name: string, all: readonly CurrentWindow[]) => {
    const slots = new Int32Array(all.length + 1).fill(-7);
    windows.addSlots(seriesOf(windows, name, FUNCTIONS[0]!), all, slots);
    assert.equal(slots[all.length], -7);
    return [...slots.subarray(0, all.length)];
  };
  const there = windows.open(0, 10);
  const both = [current(0, 10), current(0, 60)];
  assert.deepEqual(slotsOf("a", both), [0, PAGE_SLOTS]);
  assert.deepEqual([both[0]!.open, both[1]!.open], [there, windows.find(0, 60)]);
  assert.equal(windows.windowCount, 2);
  assert.deepEqual(slotsOf("a", both), [0, PAGE_SLOTS]);
  assert.deepEqual(slotsOf("b", both), [1, PAGE_SLOTS + 1]);
  assert.deepEqual(slotsOf("b", [current(0, 60), current(0, 10)]), [PAGE_SLOTS + 1, 1]);
  assert.equal(windows.eventsIn(there), 0);
  // What is known to be open is not looked for.
  const other = windows.open(5, 6);
  assert.deepEqual(slotsOf("a", [{ ...current(0, 10), open: other }]), [2 * PAGE_SLOTS]);
});

Deno.test("after a checkpoint no page is to be written, nor is one that is freed", () => {
  const windows = new OpenWindows([1, 2]);
  const series = seriesOf(windows, "a", FUNCTIONS[0]!);
  const open = [0, 1, 2].map((start) => windows.open(start, start + 1));
  const marks = () => [...windows.pageTouched.subarray(0, 4), ...windows.pageExtended.subarray(0, 4)];
  for (const window of open) windows.addSlot(series, window);
  assert.deepEqual(marks(), [1, 1, 1, 0, 1, 1, 1, 0]);
  windows.remove(open[1]!);
  assert.deepEqual([marks(), windows.pagesInUse], [[1, 0, 1, 0, 1, 0, 1, 0], 2]);
  windows.markAllClean();
  assert.deepEqual(marks(), Array(8).fill(0));
});
