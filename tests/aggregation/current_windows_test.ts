/** Windows of several lengths, fed event by event, while some are closed and opened again. */
import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { CurrentWindows } from "../../src/aggregation/current_windows.ts";
import { DroppedWindows } from "../../src/aggregation/dropped_windows.ts";
import type { EventAggregator } from "../../src/aggregation/event_aggregator.ts";
import { type OpenWindow, OpenWindows, PAGE_SLOTS } from "../../src/aggregation/open_windows.ts";
import type { Tier } from "../../src/aggregation/tier.ts";
import { scanReply } from "../../src/codec/reply_scanner.ts";
import { AVG } from "../../src/event/agg_function.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import { hashBytes } from "../../src/event/text_hash.ts";
import { aggregatorWith } from "./aggregator_with.ts";

const NOW_MS = 1_000_000_000;
const TIERS: readonly Tier[] = [
  { lengthMs: 2000, hopMs: 2000 },
  { lengthMs: 4000, hopMs: 4000 },
  { lengthMs: 6000, hopMs: 2000 },
];

/** `start end`, and the number of events of each name. */
type Counts = Map<string, Map<string, number>>;

function countsOf({ windows }: EventAggregator): Counts {
  const countsIn = ({ pages }: OpenWindow) =>
    new Map(pages.flatMap((page) =>
      Array.from({ length: windows.pageUsed[page]! }, (_, i) => {
        const slot = page * PAGE_SLOTS + i;
        const name = windows.series.nameBytes(windows.slotSeries[slot]!);
        return [new TextDecoder().decode(name), windows.accumulator(slot).count] as const;
      })
    ));
  return new Map([...windows.all()].map((window) => [`${window.startMs} ${window.endMs}`, countsIn(window)]));
}

function addTo(counts: Counts, name: string, eventMs: number): void {
  for (const { lengthMs, hopMs } of TIERS) {
    const last = Math.floor(eventMs / hopMs) * hopMs;
    for (let start = last; start > last - lengthMs; start -= hopMs) {
      const key = `${start} ${start + lengthMs}`;
      const ofWindow = counts.get(key) ?? new Map<string, number>();
      counts.set(key, ofWindow.set(name, (ofWindow.get(name) ?? 0) + 1));
    }
  }
}

Deno.test("property: each window has its events, whatever was open in its pages before", () => {
  const event = fc.record({ name: fc.constantFrom("a", "b", "c"), behind: fc.nat({ max: 3 }) });
  const step = fc.record({
    forward: fc.nat({ max: 3 }),
    events: fc.array(event, { minLength: 1, maxLength: 4 }),
    close: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 60 }), (steps) => {
      const aggregator = aggregatorWith({ tiers: TIERS });
      const expected: Counts = new Map();
      let second = 1000;
      for (const { forward, events: drawn, close } of steps) {
        second += forward;
        const events = drawn.map(({ name, behind }) => ({ name, value: 1, timestamp: second - behind }));
        const batch = new EventBatch();
        const reply = JSON.stringify({ log: "L", offset: 0, next: events.length, events });
        scanReply(new TextEncoder().encode(reply), batch);
        aggregator.aggregate(0, batch, NOW_MS, (refusal) => assert.fail(refusal));
        for (const { name, timestamp } of events) addTo(expected, name, timestamp * 1000);
        assert.deepEqual(countsOf(aggregator), expected);
        if (!close) continue;
        const due = aggregator.windowsToClose();
        aggregator.forget(due);
        for (const { startMs, endMs } of due) expected.delete(`${startMs} ${endMs}`);
      }
    }),
    { numRuns: 300 },
  );
});

/** The windows of an event at 7000 ms, of which some were closed early or deleted. */
function windowsAt7(closedEarly: readonly string[] = [], dropped = new DroppedWindows()): CurrentWindows {
  const current = new CurrentWindows(TIERS);
  current.moveTo(7000, new OpenWindows([1, 2]), new Set(closedEarly), dropped);
  return current;
}

const spansOf = (windows: CurrentWindows["all"]) =>
  windows.map(({ startMs, endMs }) => `${startMs}-${endMs}`);

Deno.test("an event is in one window of each tier, and in several where the tier hops", () => {
  const current = windowsAt7();
  assert.deepEqual(spansOf(current.all), ["6000-8000", "4000-8000", "6000-12000", "4000-10000", "2000-8000"]);
  assert.deepEqual([current.fromMs, current.untilMs, current.takeUntilMs], [6000, 8000, 8000]);
  assert.equal(windowsAt7(["2000 8000"]).takeUntilMs, -Infinity);
  const dropped = new DroppedWindows(new Map([[4000, [{ startMs: 4000, endMs: 8000 }]]]));
  assert.equal(windowsAt7([], dropped).takeUntilMs, -Infinity);
  current.reset();
  assert.deepEqual([current.fromMs, current.untilMs], [Infinity, -Infinity]);
});

Deno.test("the windows that take an event are open, or closed within the horizon; a deleted one takes none", () => {
  const all = "6000-8000 4000-8000 6000-12000 4000-10000 2000-8000";
  const usual = { watermarkMs: 0, greatestMs: 7000, allowedLatenessMs: 1000, correctionHorizonMs: 2000 };
  const dropped = new DroppedWindows(new Map([[4000, [{ startMs: 4000, endMs: 8000 }]]]));
  const cases: [changes: Partial<typeof usual>, takes: string, isLate: boolean, current?: CurrentWindows][] =
    [
      [{}, all, false],
      [{ watermarkMs: 7999 }, all, false],
      [{ watermarkMs: 8000 }, all, true],
      [{ watermarkMs: 8000, correctionHorizonMs: 0 }, "6000-12000 4000-10000", true],
      [{ watermarkMs: 9999, greatestMs: 8999 }, all, true],
      [{ watermarkMs: 9999, greatestMs: 9000 }, "6000-12000 4000-10000", true],
      [{ greatestMs: 8999 }, all, false],
      [{ greatestMs: 9000 }, "6000-12000 4000-10000", true],
      [{ greatestMs: 9000, correctionHorizonMs: 2001 }, all, false],
      [{ greatestMs: 9000, correctionHorizonMs: 0 }, all, false],
      [{ greatestMs: 99_000 }, "", true],
      [{}, all, true, windowsAt7(["2000 8000"])],
      [
        { correctionHorizonMs: 0 },
        "6000-8000 4000-8000 6000-12000 4000-10000",
        true,
        windowsAt7(["2000 8000"]),
      ],
      [{}, "6000-8000 6000-12000 4000-10000 2000-8000", true, windowsAt7([], dropped)],
    ];
  for (const [changes, takes, isLate, current = windowsAt7()] of cases) {
    const taking = current.judge(7000, { ...usual, ...changes });
    assert.equal(spansOf(taking).join(" "), takes, JSON.stringify(changes));
    assert.equal(current.isLate, isLate, JSON.stringify(changes));
  }
});

Deno.test("the slots of a series are found where it is in each of the windows, and not in some alone", () => {
  const windows = new OpenWindows([1, 2]);
  const series = ["a", "b", "c"].map((name) => {
    const bytes = new TextEncoder().encode(name);
    return windows.series.add(bytes, 0, 1, hashBytes(bytes, 0, 1), AVG);
  });
  const current = new CurrentWindows(TIERS);
  const moveTo = (eventMs: number) => {
    current.reset();
    current.moveTo(eventMs, windows, new Set(), new DroppedWindows());
  };
  /** Of each series, twice: at first they are looked for, and then remembered. */
  const found = () => {
    const all = [...series, ...series].map((one) =>
      current.findSlots(one, windows) ? [...current.slots] : []
    );
    const expected = [...series, ...series].map((one) => {
      const slots = current.all.map(({ open }) => open === undefined ? -1 : windows.findSlot(one, open));
      return slots.includes(-1) ? [] : slots;
    });
    assert.deepEqual(all, expected);
    return all.slice(0, series.length).map(({ length }) => length > 0);
  };
  moveTo(7000);
  assert.equal(current.findSlots(-1, windows), false);
  assert.deepEqual(found(), [false, false, false], "no window is open");
  windows.addSlots(series[0]!, current.all.slice(0, 1), new Int32Array(1));
  assert.deepEqual(found(), [false, false, false], "all but one are not open");
  for (const one of series) windows.addSlots(one, current.all, current.slots);
  assert.deepEqual(found(), [true, true, true]);
  moveTo(8000);
  assert.deepEqual(found(), [false, false, false], "two of them are new");
  windows.addSlots(series[2]!, current.all, current.slots);
  windows.addSlots(series[1]!, current.all.slice(0, 2), current.slots);
  assert.deepEqual(found(), [false, false, true]);
  // What is freed is taken again by other windows.
  for (const window of [...windows.all()].toReversed()) if (window.endMs <= 8000) windows.remove(window);
  moveTo(9000);
  assert.deepEqual(found(), [false, false, true]);
  for (const one of series.toReversed()) windows.addSlots(one, current.all, current.slots);
  assert.deepEqual(found(), [true, true, true]);
  moveTo(13_000);
  for (const one of series) windows.addSlots(one, current.all, current.slots);
  assert.deepEqual(found(), [true, true, true]);
});

Deno.test("a page is to be written again when one of its events has come, and no other page is", () => {
  const aggregator = aggregatorWith({ tiers: [{ lengthMs: 2000, hopMs: 2000 }] });
  const feed = (...seconds: readonly number[]) => {
    const events = seconds.map((timestamp) => ({ name: "a", value: 1, timestamp }));
    const batch = new EventBatch();
    const reply = JSON.stringify({ log: "L", offset: 0, next: events.length, events });
    scanReply(new TextEncoder().encode(reply), batch);
    aggregator.aggregate(0, batch, NOW_MS, (refusal) => assert.fail(refusal));
  };
  feed(100, 102, 104);
  const { windows } = aggregator;
  windows.markAllClean();
  assert.ok(!windows.pageTouched.includes(1));
  feed(103);
  const touched = [...windows.all()].map(({ startMs, pages }) => [startMs, windows.pageTouched[pages[0]!]]);
  assert.deepEqual(touched, [[100_000, 0], [102_000, 1], [104_000, 0]]);
});
