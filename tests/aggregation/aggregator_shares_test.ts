/** What an aggregator counts beside the values, and what it knows of sources and closed windows. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { AggregatorOptions } from "../../src/aggregation/aggregator_options.ts";
import { DroppedWindows } from "../../src/aggregation/dropped_windows.ts";
import type { EventAggregator } from "../../src/aggregation/event_aggregator.ts";
import { compileFunctions, FunctionRules } from "../../src/aggregation/function_rules.ts";
import { PAGE_SLOTS } from "../../src/aggregation/open_windows.ts";
import { readerFor } from "../../src/codec/mapping/record_reader.ts";
import { scanReply } from "../../src/codec/reply_scanner.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import { aggregatorWith } from "./aggregator_with.ts";

const NOW_MS = 1_000_000_000;
const TIERS = [{ lengthMs: 2000, hopMs: 2000 }, { lengthMs: 6000, hopMs: 2000 }];

const aggregatorOf = (options: Partial<AggregatorOptions> = {}) =>
  aggregatorWith({ tiers: TIERS, dedupMaxIds: 10, ...options });

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

Deno.test("a window that ended when event time came there is closed for a partition that is new, too", () => {
  const aggregator = aggregatorOf({ tiers: [{ lengthMs: 2000, hopMs: 2000 }], correctionHorizonMs: 0 });
  feed(aggregator, at(101, 102));
  const partition = aggregator.addPartition(0, -Infinity);
  assert.deepEqual(feed(aggregator, at(101, 102), partition), { refused: ["late 0"], late: [] });
});

Deno.test("an event behind the horizon of its own partition is refused, though others hold its window open", () => {
  const aggregator = aggregatorOf({
    tiers: [{ lengthMs: 2000, hopMs: 2000 }],
    correctionHorizonMs: 1000,
    sourceCount: 2,
  });
  feed(aggregator, at(90), 1);
  feed(aggregator, at(102));
  assert.deepEqual(feed(aggregator, at(101, 101.001)), { refused: ["late 0"], late: [] });
  assert.deepEqual(feed(aggregator, at(101), 1), { refused: [], late: [] });
});

Deno.test("what is late for some of its windows is added to the others alone, though all of them are still there", () => {
  const compiled = compileFunctions("*=min,max");
  assert.ok("ok" in compiled);
  for (const [functions, count] of [[FunctionRules.default, 1], [compiled.ok, 2]] as const) {
    const aggregator = aggregatorOf({ correctionHorizonMs: 0, functions });
    feed(aggregator, at(100, 102, 101, 101));
    const counts = [...aggregator.windows.all()].map((window) => [
      `${window.startMs / 1000} ${window.endMs / 1000}`,
      aggregator.windows.eventsIn(window) / count,
    ]);
    assert.deepEqual(Object.fromEntries(counts), {
      "100 102": 1,
      "96 102": 1,
      "98 104": 4,
      "100 106": 4,
      "102 104": 1,
      "102 108": 1,
    });
  }
});

Deno.test("the first series of all is the same one in each of its windows", () => {
  const aggregator = aggregatorOf();
  feed(aggregator, at(100, 200, 300));
  const windows = [...aggregator.windows.all()];
  const { slotSeries } = aggregator.windows;
  const series = windows.flatMap(({ pages }) => pages.map((page) => slotSeries[page * PAGE_SLOTS]!));
  assert.equal(series.length, 12);
  assert.equal(new Set(series).size, 1);
  assert.equal(aggregator.windows.seriesCount, 2, "one for each length of windows");
});

Deno.test("a clock that is set back takes event time back with it, before events are judged", () => {
  const aggregator = aggregatorOf({ correctionHorizonMs: 0 });
  feed(aggregator, at(NOW_MS / 1000));
  const batch = new EventBatch();
  const event = { name: "a", value: 1, timestamp: NOW_MS / 1000 - 100 };
  const reply = JSON.stringify({ log: "L", offset: 0, next: 1, events: [event] });
  scanReply(new TextEncoder().encode(reply), batch);
  aggregator.aggregate(0, batch, NOW_MS - 100_000, () => assert.fail("refused"));
  assert.equal(aggregator.watermark.valueMs, NOW_MS - 100_000);
  assert.equal(aggregator.lateArrivals, 0);
});

Deno.test("several events of one record are received as so many", () => {
  const aggregator = aggregatorOf();
  const batch = new EventBatch();
  const elements = ["m a=1,b=2,c=x,d=4 5000000000", "m a=1 5000000000"];
  const reply = JSON.stringify({ log: "L", offset: 0, next: 2, events: elements });
  const mapped = { reader: readerFor({ format: "influx" })!, context: { arrivedMs: 5000 } };
  scanReply(new TextEncoder().encode(reply), batch, 2, mapped);
  aggregator.aggregate(0, batch, NOW_MS, (refusal) => assert.fail(refusal));
  const { received, aggregated, invalid } = aggregator.books;
  assert.deepEqual({ received, aggregated, invalid }, { received: 5, aggregated: 4, invalid: 1 });
});

Deno.test("ids are remembered as they are, whether they are spelt with escapes or not", () => {
  const aggregator = aggregatorOf();
  const batch = new EventBatch();
  const ids = ["plain", "sp\\u0065lt", "x".repeat(300), "ü"];
  const elements = ids.map((id) => `{"name":"a","value":1,"timestamp":5,"id":"${id}"}`);
  scanReply(new TextEncoder().encode(`{"log":"L","offset":0,"next":4,"events":[${elements}]}`), batch);
  aggregator.aggregate(0, batch, NOW_MS, () => assert.fail("refused"));
  const { lengths, text } = aggregator.recentIds![0]!.runSince(0);
  let at = 0;
  const kept = [...lengths].map((length) => new TextDecoder().decode(text.subarray(at, at += length)));
  const digest = createHash("sha256").update("x".repeat(300)).digest("hex");
  assert.deepEqual(kept, ["plain", "spelt", digest, "ü"]);
});
