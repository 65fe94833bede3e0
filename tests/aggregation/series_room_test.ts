import assert from "node:assert/strict";
import { CurrentWindows } from "../../src/aggregation/current_windows.ts";
import { DroppedWindows } from "../../src/aggregation/dropped_windows.ts";
import { COUNT, OpenWindows, PAGE_SLOTS, SLOT } from "../../src/aggregation/open_windows.ts";
import { hasRoomFor } from "../../src/aggregation/series_room.ts";
import { SUM } from "../../src/event/agg_function.ts";
import { hashBytes } from "../../src/event/text_hash.ts";

const TIERS = [{ lengthMs: 1000, hopMs: 1000 }, { lengthMs: 3000, hopMs: 1000 }];

function addSeries(windows: OpenWindows, name: string): number {
  const bytes = new TextEncoder().encode(name);
  return windows.series.add(bytes, 0, bytes.length, hashBytes(bytes, 0, bytes.length), SUM);
}

Deno.test("a series needs room once for each tier in which it is not open yet", () => {
  const windows = new OpenWindows([1, 2]);
  const current = new CurrentWindows(TIERS);
  current.moveTo(5000, windows, new Set(), new DroppedWindows());
  const [a, b] = [addSeries(windows, "a"), addSeries(windows, "b")];
  const room = (series: readonly number[], maxSeries: number, taking = current.all) =>
    hasRoomFor(windows, taking, series, maxSeries);
  assert.deepEqual([room([a], 1), room([a], 2), room([a, b], 3), room([a, b], 4)], [
    false,
    true,
    false,
    true,
  ]);
  assert.deepEqual([room([-1], 1), room([-1], 2)], [false, true], "one that has no number yet");
  windows.addSlots(a, current.all.slice(0, 1), current.slots);
  assert.equal(windows.seriesCount, 1);
  assert.deepEqual([room([a], 1), room([a], 2)], [false, true]);
  assert.equal(room([a], 0, current.all.slice(0, 1)), true, "it is open already");
  windows.addSlots(a, current.all, current.slots);
  assert.equal(windows.seriesCount, 2);
  assert.deepEqual([room([a], 0), room([a, b], 3), room([a, b], 4)], [true, false, true]);
});

Deno.test("slots, pages and events of windows are known by what is in them", () => {
  const windows = new OpenWindows([1, 2]);
  const [a, b] = [addSeries(windows, "a"), addSeries(windows, "b")];
  assert.deepEqual([windows.windowCount, windows.pagesInUse, windows.seriesCount], [0, 0, 0]);
  const [short, long] = [windows.open(0, 1000), windows.open(0, 3000)];
  assert.deepEqual([short.number, long.number], [1, 2]);
  assert.equal(windows.find(0, 1000), short);
  assert.equal(windows.find(0, 2000), undefined);
  const [slot, other] = [windows.addSlot(a, short), windows.addSlot(b, short)];
  const ofLong = windows.addSlot(a, long);
  assert.deepEqual([windows.windowCount, windows.pagesInUse, windows.seriesCount], [2, 2, 3]);
  assert.deepEqual([slot, other, ofLong], [0, 1, PAGE_SLOTS], "a page belongs to one window");
  assert.deepEqual([windows.findSlot(a, short), windows.findSlot(a, long), windows.findSlot(b, long)], [
    slot,
    ofLong,
    -1,
  ]);
  const isSlot = (of: number, series: number, window = short) => windows.isSlotOf(of, series, window);
  assert.deepEqual([isSlot(slot, a), isSlot(slot, b), isSlot(slot, a, long), isSlot(ofLong, a, long)], [
    true,
    false,
    false,
    true,
  ]);
  assert.deepEqual(
    [isSlot(2, a), isSlot(2, 0), isSlot(1e9, a)],
    [false, false, false],
    "none of a page's slots",
  );
  const isInUse = [[a, 1000], [a, 3000], [b, 3000], [a, 7], [-1, 1000]] as const;
  assert.deepEqual(isInUse.map(([series, lengthMs]) => windows.isInUse(series, lengthMs)), [
    true,
    true,
    false,
    false,
    false,
  ]);
  for (const [of, events] of [[slot, 2], [other, 3], [ofLong, 7]] as const) {
    windows.accumulators[of * SLOT + COUNT] = events;
  }
  assert.deepEqual([windows.eventsIn(short), windows.eventsIn(long)], [5, 7]);
  assert.deepEqual([windows.pageTouched[0], windows.pageExtended[1], windows.pageTouched[2]], [1, 1, 0]);
  windows.markAllClean();
  assert.deepEqual([windows.pageTouched[0], windows.pageExtended[1]], [0, 0]);
  windows.remove(short);
  assert.deepEqual([windows.windowCount, windows.pagesInUse, windows.seriesCount], [1, 1, 1]);
  assert.equal(windows.find(0, 1000), undefined);
  assert.deepEqual([windows.findSlot(a, long), isSlot(slot, a)], [ofLong, false]);
});
