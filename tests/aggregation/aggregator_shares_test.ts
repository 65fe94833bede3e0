/** What an aggregator counts beside the values, and what it knows of sources and closed windows. */
import assert from "node:assert/strict";
import type { AggregatorOptions } from "../../src/aggregation/aggregator_options.ts";
import { DroppedWindows } from "../../src/aggregation/dropped_windows.ts";
import { EventAggregator } from "../../src/aggregation/event_aggregator.ts";
import { compileFunctions, FunctionRules } from "../../src/aggregation/function_rules.ts";
import { scanReply } from "../../src/codec/reply_scanner.ts";
import { EventBatch } from "../../src/event/event_batch.ts";

const NOW_MS = 1_000_000_000;
const TIERS = [{ lengthMs: 2000, hopMs: 2000 }, { lengthMs: 6000, hopMs: 2000 }];

function aggregatorOf(options: Partial<AggregatorOptions> = {}): EventAggregator {
  return new EventAggregator({
    sourceCount: 1,
    tiers: TIERS,
    allowedLatenessMs: 0,
    correctionHorizonMs: 60_000,
    maxFutureSkewMs: 300_000,
    maxSeries: 1000,
    functions: FunctionRules.default,
    hashKey: [1, 2],
    dedupMaxIds: 10,
    ...options,
  });
}

/** Events by their second, and perhaps an id. Tells which were refused, and which came late. */
function feed(aggregator: EventAggregator, events: readonly object[], partition = 0, perSecond = 1) {
  const batch = new EventBatch();
  const all = events.map((event) => ({ name: "a", value: 1, ...event }));
  const reply = JSON.stringify({ log: "L", offset: 0, next: all.length, events: all });
  scanReply(new TextEncoder().encode(reply), batch);
  batch.unitsPerSecond = perSecond;
  const [refused, late]: [string[], number[]] = [[], []];
  aggregator.aggregate(
    partition,
    batch,
    NOW_MS,
    (why, i) => refused.push(`${why} ${i}`),
    (i) => late.push(i),
  );
  return { refused, late };
}

const at = (...seconds: number[]) => seconds.map((timestamp) => ({ timestamp }));
const shares = ({ tierShares }: EventAggregator) =>
  [...tierShares].map(([lengthMs, { contributed, late }]) => `${lengthMs}: ${contributed} ${late}`);

Deno.test("an event counts in each window and for each function, in time or late", () => {
  const aggregator = aggregatorOf();
  assert.deepEqual(feed(aggregator, at(100, 101, 100)), { refused: [], late: [] });
  assert.deepEqual(shares(aggregator), ["2000: 3 0", "6000: 9 0"]);
  assert.equal(aggregator.contributed, 12);
  // The windows that end at 102 are closed by then, and are corrected.
  assert.deepEqual(feed(aggregator, at(102, 101.5)), { refused: [], late: [1] });
  assert.deepEqual(shares(aggregator), ["2000: 5 0", "6000: 15 0"]);
  assert.deepEqual([aggregator.contributed, aggregator.lateArrivals], [20, 1]);
  assert.deepEqual(aggregator.sharesOf(7), { contributed: 0, late: 0 });
  const compiled = compileFunctions("*=min,max,avg");
  assert.ok("ok" in compiled);
  const several = aggregatorOf({ functions: compiled.ok });
  feed(several, at(100));
  assert.deepEqual([several.contributed, shares(several)], [12, ["2000: 3 0", "6000: 9 0"]]);
});

Deno.test("without corrections, what came too late for some windows counts in the others", () => {
  const aggregator = aggregatorOf({ correctionHorizonMs: 0 });
  feed(aggregator, at(100, 102));
  assert.deepEqual(feed(aggregator, at(101)), { refused: [], late: [0] });
  assert.deepEqual(shares(aggregator), ["2000: 2 1", "6000: 8 1"]);
  assert.equal(aggregator.contributed, 10);
  assert.deepEqual(feed(aggregator, at(90)), { refused: ["late 0"], late: [] });
  assert.equal(aggregator.lateArrivals, 2);
  assert.equal(aggregator.books.late, 1);
});

Deno.test("a time of a coarser unit is refused as of the future, and counts no time", () => {
  const aggregator = aggregatorOf();
  assert.deepEqual(feed(aggregator, at(NOW_MS / 1e6), 0, 1000).refused, ["future 0"]);
  assert.equal(aggregator.watermark.greatestOf(0), -Infinity);
  assert.deepEqual(feed(aggregator, at(NOW_MS / 1e6), 0, 1).refused, []);
});

Deno.test("every batch may change windows, and so may forgetting some", () => {
  const aggregator = aggregatorOf();
  const changes = [aggregator.changes];
  feed(aggregator, at(1));
  changes.push(aggregator.changes);
  aggregator.forget([]);
  changes.push(aggregator.changes);
  assert.deepEqual(changes, [0, 1, 2]);
});

Deno.test("an event ahead of the wall clock moves time to the clock, the watermark by the lateness less", () => {
  const aggregator = aggregatorOf({ allowedLatenessMs: 500 });
  feed(aggregator, at(NOW_MS / 1000 - 1, NOW_MS / 1000 + 10, NOW_MS / 1000 + 20));
  assert.deepEqual([aggregator.watermark.greatestOf(0), aggregator.watermark.valueMs], [
    NOW_MS,
    NOW_MS - 500,
  ]);
});

Deno.test("a partition has its source, whose ids it looks for; two that are exchanged exchange both", () => {
  const aggregator = aggregatorOf({ sourceCount: 2 });
  const third = aggregator.addPartition(1, 50_000);
  assert.deepEqual([0, 1, third].map((number) => aggregator.sourceOf(number)), [0, 1, 1]);
  assert.equal(aggregator.watermark.greatestOf(third), 50_000);
  feed(aggregator, [{ timestamp: 100, id: "one" }], 0);
  feed(aggregator, [{ timestamp: 101, id: "two" }], third);
  const isKnown = (id: string, partition: number) => {
    const before = aggregator.books.duplicate;
    feed(aggregator, [{ timestamp: 102, id }], partition);
    return aggregator.books.duplicate > before;
  };
  assert.deepEqual([isKnown("two", 1), isKnown("one", 0)], [true, true]);
  aggregator.exchange(0, 1);
  assert.deepEqual([isKnown("two", 0), isKnown("one", 1), isKnown("one", third)], [true, true, true]);
  const without = aggregatorOf({ sourceCount: 2, dedupMaxIds: 0 });
  assert.equal(without.recentIds, undefined);
  feed(without, at(100), 0);
  without.exchange(0, 1);
  assert.deepEqual([without.watermark.greatestOf(0), without.watermark.greatestOf(1)], [-Infinity, 100_000]);
});

Deno.test("windows come oldest first, by their ends, then their starts", () => {
  const aggregator = aggregatorOf({ tiers: [...TIERS, { lengthMs: 4000, hopMs: 4000 }] });
  feed(aggregator, at(3, 1));
  const spans = (condition: Parameters<typeof aggregator.windowsWhere>[0]) =>
    aggregator.windowsWhere(condition).map(({ startMs, endMs }) => `${startMs / 1000}:${endMs / 1000}`).join(
      " ",
    );
  assert.equal(spans(() => true), "-4:2 0:2 -2:4 0:4 2:4 0:6 2:8");
  assert.equal(spans(({ endMs }) => endMs > 4000), "0:6 2:8");
  assert.equal(aggregator.windowsToClose().length, 2);
});

Deno.test("a window that was closed ahead of the watermark is late until the watermark has passed it", () => {
  const aggregator = aggregatorOf({ correctionHorizonMs: 0, tiers: [TIERS[0]!] });
  feed(aggregator, at(100));
  aggregator.forget(aggregator.windowsWhere(() => true));
  assert.equal(aggregator.windows.windowCount, 0);
  assert.deepEqual(feed(aggregator, at(101)).refused, ["late 0"]);
  assert.deepEqual(feed(aggregator, at(102)).refused, []);
  aggregator.noteClosed({ startMs: 104_000, endMs: 106_000 });
  assert.deepEqual(feed(aggregator, at(103, 104, 105.9, 106)).refused, ["late 1", "late 2"]);
  aggregator.forget([]);
  // The clock is set right: what the watermark alone knew of is open again.
  aggregator.watermark.cap(103_000);
  assert.deepEqual(feed(aggregator, at(104)).refused, []);
});

Deno.test("an event of a deleted window is late for it, whatever the horizon is", () => {
  const aggregator = aggregatorOf({ tiers: [TIERS[0]!] });
  aggregator.dropped = new DroppedWindows().with([{ startMs: 100_000, endMs: 102_000 }], TIERS);
  assert.deepEqual(feed(aggregator, at(100, 102)).refused, ["late 0"]);
});

Deno.test("new options are in force from the next event on", () => {
  const aggregator = aggregatorOf();
  aggregator.change({
    ...aggregator.options,
    allowedLatenessMs: 5000,
    tiers: [{ lengthMs: 1000, hopMs: 1000 }],
  });
  feed(aggregator, at(100));
  assert.equal(aggregator.watermark.valueMs, 95_000);
  assert.deepEqual(shares(aggregator), ["1000: 1 0"]);
  assert.equal(aggregator.options.dedupMaxIds, 10);
});

Deno.test("an aggregator begins with nothing counted, and remembers as few ids as one", () => {
  const aggregator = aggregatorOf({ dedupMaxIds: 1 });
  const { books, contributed, lateArrivals, changes } = aggregator;
  assert.deepEqual([...Object.values(books), contributed, lateArrivals, changes], Array(11).fill(0));
  feed(aggregator, [{ timestamp: 100, id: "a" }, { timestamp: 100, id: "a" }]);
  assert.equal(books.duplicate, 1);
  feed(aggregator, [{ timestamp: 100, id: "b" }, { timestamp: 100, id: "a" }]);
  assert.equal(books.duplicate, 1, "one is remembered, and no more");
});
