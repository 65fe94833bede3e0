import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { valueOf } from "../../src/aggregation/accumulator.ts";
import { functionName } from "../../src/event/agg_function.ts";
import type { AggregatorOptions } from "../../src/aggregation/aggregator_options.ts";
import { EventAggregator } from "../../src/aggregation/event_aggregator.ts";
import { BOOK_ENTRIES } from "../../src/aggregation/event_books.ts";
import { compileFunctions, FunctionRules } from "../../src/aggregation/function_rules.ts";
import type { OpenWindow } from "../../src/aggregation/open_windows.ts";
import { PAGE_SLOTS } from "../../src/aggregation/open_windows.ts";
import type { VaBusEvent } from "../../src/event/event.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import { scanReply } from "../../src/codec/reply_scanner.ts";

const DEFAULTS: AggregatorOptions = {
  sourceCount: 1,
  tiers: [{ lengthMs: 10_000, hopMs: 10_000 }],
  allowedLatenessMs: 2_000,
  correctionHorizonMs: 60_000,
  maxFutureSkewMs: 300_000,
  maxSeries: 1000,
  functions: FunctionRules.default,
  hashKey: [1, 2],
  dedupMaxIds: 100,
};
const NOW_MS = 1_000_000_000;

function batchOf(events: readonly unknown[]): EventBatch {
  const batch = new EventBatch();
  const body = JSON.stringify({ log: "L", offset: 0, next: events.length, events });
  scanReply(new TextEncoder().encode(body), batch);
  return batch;
}

function feed(aggregator: EventAggregator, events: readonly unknown[], bus = 0): string[] {
  const refusals: string[] = [];
  aggregator.aggregate(bus, batchOf(events), NOW_MS, (refusal) => refusals.push(refusal));
  const { books } = aggregator;
  const { received, ...others } = books;
  assert.equal(received, Object.values(others).reduce((sum, n) => sum + n, 0), "the books");
  return refusals;
}

function rowsOf(aggregator: EventAggregator, window: OpenWindow) {
  const { windows } = aggregator;
  return window.pages.flatMap((page) =>
    Array.from({ length: windows.pageUsed[page]! }, (_, i) => {
      const slot = page * PAGE_SLOTS + i;
      const series = windows.slotSeries[slot]!;
      const name = new TextDecoder().decode(windows.series.nameBytes(series));
      const accumulator = windows.accumulator(slot);
      return {
        name,
        func: functionName(accumulator.functionId),
        value: valueOf(accumulator),
        count: accumulator.count,
      };
    })
  );
}

function allRows(aggregator: EventAggregator) {
  return [...aggregator.windows.all()].flatMap((window) =>
    rowsOf(aggregator, window).map((row) => ({ start: window.startMs, ...row }))
  );
}

const at = (timestamp: number, extra: Partial<VaBusEvent> = {}): VaBusEvent => ({
  name: "a",
  value: 1,
  timestamp,
  ...extra,
});

Deno.test("every function gives what its definition says", () => {
  const values = [5, -3, 8, 8, 1];
  const expected: Record<string, number> = {
    sum: 19,
    avg: 3.8,
    min: -3,
    max: 8,
    count: 5,
    first: 8,
    last: 8,
    stddev: Math.sqrt([5, -3, 8, 8, 1].reduce((s, v) => s + (v - 3.8) ** 2, 0) / 4),
  };
  for (const [func, value] of Object.entries(expected)) {
    const aggregator = new EventAggregator(DEFAULTS);
    const times = [3, 3.5, 2, 4, 2];
    feed(aggregator, values.map((v, i) => at(times[i]!, { value: v, agg_func: func })));
    const [row] = allRows(aggregator);
    assert.ok(Math.abs(row!.value - value) < 1e-12, `${func}: ${row!.value}`);
    assert.equal(row!.count, 5);
  }
});

Deno.test("first and last break ties of event time by arrival", () => {
  const aggregator = new EventAggregator(DEFAULTS);
  for (const func of ["first", "last"]) {
    feed(aggregator, [at(2, { value: 1, agg_func: func }), at(2, { value: 2, agg_func: func })]);
  }
  assert.deepEqual(allRows(aggregator).map((row) => row.value), [1, 2]);
});

Deno.test("percentiles are within 1 % of the exact value, for values of any size and sign", () => {
  const value = fc.oneof(
    fc.double({ noNaN: true, min: -1e300, max: 1e300 }),
    fc.integer({ min: -1000, max: 1000 }),
  );
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 200 }),
      fc.constantFrom(0, 25, 50, 99, 99.9, 100),
      (values, percent) => {
        const aggregator = new EventAggregator(DEFAULTS);
        feed(aggregator, values.map((v) => at(1, { value: v, agg_func: `p${percent}` })));
        const exact = values.toSorted((a, b) => a - b)[Math.floor(percent / 100 * (values.length - 1))]!;
        const [row] = allRows(aggregator);
        assert.ok(
          Math.abs(row!.value - exact) <= Math.abs(exact) * 0.01 + 2 ** -1022,
          `${row!.value} for ${exact}`,
        );
      },
    ),
  );
});

Deno.test("a sum does not show the order of arrival", () => {
  const values = Array.from({ length: 1000 }, (_, i) => (i % 2 ? 1e16 : 0.1) * (i % 3 - 1));
  const sums = [values, values.toReversed(), values.toSorted((a, b) => a - b)].map((order) => {
    const aggregator = new EventAggregator(DEFAULTS);
    feed(aggregator, order.map((v) => at(1, { value: v })));
    return allRows(aggregator)[0]!.value;
  });
  assert.equal(sums[0], sums[1]);
  assert.equal(sums[0], sums[2]);
});

Deno.test("windows are aligned to the epoch and half open", () => {
  const aggregator = new EventAggregator({ ...DEFAULTS, tiers: [{ lengthMs: 100, hopMs: 100 }] });
  feed(aggregator, [at(12.1999), at(12.2), at(12.2994), at(12.2996)]);
  assert.deepEqual(allRows(aggregator).map((row) => [row.start, row.count]), [[12_200, 3], [12_300, 1]]);
});

Deno.test("a window is due when the watermark reaches its end, not before", () => {
  const aggregator = new EventAggregator(DEFAULTS);
  feed(aggregator, [at(5), at(11.999)]);
  assert.deepEqual(aggregator.windowsToClose(), []);
  feed(aggregator, [at(12)]);
  assert.deepEqual(aggregator.windowsToClose().map((window) => window.startMs), [0]);
});

Deno.test("the slowest bus holds the watermark back until it is idle; a watermark never goes back", () => {
  const aggregator = new EventAggregator({ ...DEFAULTS, sourceCount: 2 });
  feed(aggregator, [at(100)], 0);
  assert.equal(aggregator.watermark.valueMs, -Infinity);
  feed(aggregator, [at(50)], 1);
  assert.equal(aggregator.watermark.valueMs, 48_000);
  aggregator.watermark.setIdle(1, true);
  assert.equal(aggregator.watermark.valueMs, 98_000);
  aggregator.watermark.setIdle(1, false);
  assert.equal(aggregator.watermark.valueMs, 98_000);
});

Deno.test("an event is refused as late only behind the horizon of its own bus, and only if its window is closed", () => {
  const aggregator = new EventAggregator({ ...DEFAULTS, sourceCount: 2 });
  feed(aggregator, [at(40)], 1);
  feed(aggregator, [at(1000)], 0);
  aggregator.watermark.setIdle(1, true);
  assert.deepEqual(feed(aggregator, [at(941)], 0), []);
  assert.deepEqual(feed(aggregator, [at(940)], 0), ["late"]);
  assert.deepEqual(feed(aggregator, [at(30)], 1), [], "the other bus is not late by its own time");
  assert.equal(aggregator.lateArrivals, 3);
});

Deno.test("horizon 0: whatever comes for a closed window is refused", () => {
  const aggregator = new EventAggregator({ ...DEFAULTS, correctionHorizonMs: 0, allowedLatenessMs: 0 });
  assert.deepEqual(
    feed(aggregator, [at(5), at(75), at(71), at(6)]),
    ["late"],
    "71 is behind 75, but its window is open",
  );
  aggregator.forget(aggregator.windowsWhere(() => true));
  assert.deepEqual(feed(aggregator, [at(79)]), ["late"], "closed ahead of the watermark");
});

Deno.test("future events are refused and do not move time; what is ahead and allowed moves it to the wall clock", () => {
  const aggregator = new EventAggregator(DEFAULTS);
  assert.deepEqual(
    feed(aggregator, [at(NOW_MS / 1000 + 300), at(NOW_MS / 1000 + 300.001), at(253402300800)]),
    ["future", "future"],
  );
  assert.equal(aggregator.watermark.greatestOf(0), NOW_MS);
});

Deno.test("an id among the last N of its bus is a duplicate; refused events are not remembered", () => {
  const aggregator = new EventAggregator({ ...DEFAULTS, dedupMaxIds: 2, sourceCount: 2 });
  feed(aggregator, [at(1, { id: "a" }), at(1, { id: "b" }), at(1, { id: "a" })]);
  assert.equal(aggregator.books.duplicate, 1);
  feed(aggregator, [at(1, { id: "c" }), at(1, { id: "a" })]);
  assert.equal(aggregator.books.duplicate, 1, "a has been forgotten");
  feed(aggregator, [at(1, { id: "a" })], 1);
  assert.equal(aggregator.books.duplicate, 1, "another bus");
  assert.deepEqual(feed(aggregator, [at(9e9, { id: "f" }), at(9e9, { id: "f" })]), ["future", "future"]);
});

Deno.test("beyond the series bound only new series are refused, until windows close", () => {
  const aggregator = new EventAggregator({ ...DEFAULTS, maxSeries: 2 });
  const refusals = feed(aggregator, [at(1), at(1, { agg_func: "avg" }), at(1, { name: "b" }), at(2), at(11)]);
  assert.deepEqual(refusals, ["overflow"]);
  aggregator.forget(aggregator.windowsWhere(() => true));
  assert.deepEqual(feed(aggregator, [at(31, { name: "b" }), at(31, { name: "c" })]), []);
});

Deno.test("any stream is aggregated as a plain loop over a map does it", () => {
  const event = fc.record({
    name: fc.constantFrom("a", "b", "größe", 'q"', ...Array.from({ length: 40 }, (_, i) => `series.${i}`)),
    value: fc.integer({ min: -1000, max: 1000 }),
    timestamp: fc.integer({ min: 0, max: 60_000 }).map((ms) => ms / 1000),
    agg_func: fc.constantFrom("sum", "min", "max", "count"),
  });
  const stream = fc.array(fc.array(event, { maxLength: 60, size: "max" }), { maxLength: 8 });
  fc.assert(fc.property(stream, (batches) => {
    const aggregator = new EventAggregator({ ...DEFAULTS, correctionHorizonMs: 1e9 });
    const expected = new Map<string, number[]>();
    const closed: ReturnType<typeof allRows> = [];
    for (const batch of batches) {
      feed(aggregator, batch);
      for (const { name, value, timestamp, agg_func } of batch) {
        const key = `${Math.floor(Math.round(timestamp * 1000) / 10_000) * 10_000}|${name}|${agg_func}`;
        expected.set(key, [...expected.get(key) ?? [], value]);
      }
      const due = aggregator.windowsToClose();
      for (const window of due) {
        closed.push(...rowsOf(aggregator, window).map((row) => ({ start: window.startMs, ...row })));
      }
      aggregator.forget(due);
    }
    const counts = new Map<string, number>();
    for (const row of [...closed, ...allRows(aggregator)]) {
      const key = `${row.start}|${row.name}|${row.func}`;
      counts.set(key, (counts.get(key) ?? 0) + row.count);
    }
    assert.deepEqual(new Map([...expected].map(([key, values]) => [key, values.length])), counts);
    for (const row of allRows(aggregator)) {
      if (closed.some((c) => c.start === row.start)) continue;
      const values = expected.get(`${row.start}|${row.name}|${row.func}`)!;
      const exact = {
        sum: values.reduce((a, b) => a + b, 0),
        min: Math.min(...values),
        max: Math.max(...values),
        count: values.length,
      };
      assert.equal(row.value, exact[row.func as keyof typeof exact]);
    }
    assert.deepEqual(Object.keys(aggregator.books), [...BOOK_ENTRIES]);
  }));
});

Deno.test("series come and go without end in bounded memory", () => {
  const aggregator = new EventAggregator({ ...DEFAULTS, maxSeries: 100_000 });
  for (let window = 0; window < 60; window++) {
    feed(aggregator, Array.from({ length: 500 }, (_, i) => at(window * 10, { name: `w${window}.${i}` })));
    aggregator.forget(aggregator.windowsToClose());
  }
  assert.ok(aggregator.windows.series.capacity <= 4096, `${aggregator.windows.series.capacity}`);
  assert.ok(aggregator.windows.slotSeries.length <= 16 * PAGE_SLOTS * 2);
});

Deno.test("windows keep what they have while more and more of them are open, in whatever order they open", () => {
  const aggregator = new EventAggregator({ ...DEFAULTS, correctionHorizonMs: 1e9 });
  const starts = Array.from({ length: 100 }, (_, i) => (i * 37 % 100) * 10);
  for (const start of starts) {
    feed(aggregator, [at(start + 1, { value: start + 0.5, agg_func: "max" }), at(start + 2, { name: "b" })]);
  }
  feed(aggregator, starts.map((start) => at(start + 3, { value: start, agg_func: "max" })));
  const expected = starts.toSorted((a, b) => a - b).flatMap((start) => [
    { start: start * 1000, name: "a", func: "max", value: start + 0.5, count: 2 },
    { start: start * 1000, name: "b", func: "sum", value: 1, count: 1 },
  ]);
  assert.deepEqual(
    allRows(aggregator).toSorted((a, b) => a.start - b.start || (a.name < b.name ? -1 : 1)),
    expected,
  );
});

Deno.test("the name of an event may be the first thing in its bytes", () => {
  for (const functions of ["*=avg", "*=avg,min"]) {
    const batch = batchOf([at(NOW_MS / 1000, { name: "first" })]);
    batch.bytes = new TextEncoder().encode("first");
    batch.nameStart[0] = 0;
    const aggregator = withFunctions(functions);
    aggregator.aggregate(0, batch, NOW_MS, () => {});
    assert.deepEqual([...new Set(allRows(aggregator).map(({ name }) => name))], ["first"]);
  }
});

Deno.test("the id of an event may be the first thing in its bytes", () => {
  const batch = batchOf([at(1, { id: "x" }), at(1, { id: "x" })]);
  batch.bytes = new TextEncoder().encode(`xy${new TextDecoder().decode(batch.bytes).slice(2)}`);
  batch.idStart[1] = 0;
  const aggregator = new EventAggregator(DEFAULTS);
  aggregator.aggregate(0, batch, NOW_MS, () => {});
  assert.equal(aggregator.books.duplicate, 1);
});

Deno.test("what cannot be read counts as invalid", () => {
  const aggregator = new EventAggregator(DEFAULTS);
  feed(aggregator, [at(1), { name: 7 }, "no event"]);
  const { received, aggregated, invalid } = aggregator.books;
  assert.deepEqual({ received, aggregated, invalid }, { received: 3, aggregated: 1, invalid: 2 });
});

Deno.test("each late event that corrects a window is told of, and no other", () => {
  const aggregator = new EventAggregator(DEFAULTS);
  const late: number[] = [];
  const events = [at(1), at(100), at(50), at(99), at(41), at(1)];
  aggregator.aggregate(0, batchOf(events), NOW_MS, () => {}, (index) => late.push(index));
  assert.deepEqual(late, [2, 4]);
  assert.equal(aggregator.books.late, 1);
});

Deno.test("another lateness moves the watermark with the next event, in the partition too", () => {
  const aggregator = new EventAggregator(DEFAULTS);
  feed(aggregator, [at(50)]);
  aggregator.change({ ...aggregator.options, allowedLatenessMs: 500 });
  feed(aggregator, [at(50)]);
  assert.equal(aggregator.watermark.valueMs, 49_500);
});

Deno.test("partitions that are exchanged go on with the times and the ids of each other, or with no ids", () => {
  for (const dedupMaxIds of [100, 0]) {
    const aggregator = new EventAggregator({ ...DEFAULTS, dedupMaxIds, sourceCount: 2 });
    feed(aggregator, [at(10, { id: "one" })], 0);
    feed(aggregator, [at(20, { id: "two" })], 1);
    aggregator.exchange(0, 1);
    assert.deepEqual([0, 1].map((number) => aggregator.watermark.greatestOf(number)), [20_000, 10_000]);
    feed(aggregator, [at(20, { id: "one" }), at(20, { id: "two" })], 0);
    assert.deepEqual(
      [aggregator.books.duplicate, aggregator.books.aggregated],
      dedupMaxIds ? [1, 3] : [0, 4],
    );
    feed(aggregator, [at(20, { id: "one" })], 1);
    assert.equal(aggregator.books.duplicate, dedupMaxIds ? 2 : 0);
  }
});

function withFunctions(text: string, options: Partial<AggregatorOptions> = {}): EventAggregator {
  const compiled = compileFunctions(text);
  assert.ok("ok" in compiled);
  return new EventAggregator({ ...DEFAULTS, ...options, functions: compiled.ok });
}

Deno.test("an event that names no function goes into a series for each of its functions, and counts in each", () => {
  const aggregator = withFunctions("a=avg,min,max");
  const refusals = feed(aggregator, [
    at(1, { value: 4 }),
    at(2, { value: 2 }),
    at(2, { value: 9, agg_func: "sum" }),
    at(2, { name: "b", value: 5 }),
    at(2, { value: 3, labels: { line: "1" } }),
  ]);
  assert.deepEqual(refusals, []);
  const rows = allRows(aggregator).map(({ name, func, value, count }) =>
    `${func}(${name}) ${value} ${count}`
  );
  assert.deepEqual(rows, [
    "avg(a) 3 2",
    "min(a) 2 2",
    "max(a) 4 2",
    "sum(a) 9 1",
    "sum(b) 5 1",
    'avg(a\0{"line":"1"}) 3 1',
    'min(a\0{"line":"1"}) 3 1',
    'max(a\0{"line":"1"}) 3 1',
  ]);
  assert.equal(aggregator.books.aggregated, 5);
  assert.equal(aggregator.contributed, 11);
});

Deno.test("an event with several functions is a duplicate, late or too much as a whole", () => {
  const aggregator = withFunctions("*=min,max", { maxSeries: 5 });
  const refusals = feed(aggregator, [
    at(1, { id: "1" }),
    at(1, { id: "1" }),
    at(1, { name: "b" }),
    // One more series would fit, two do not.
    at(1, { name: "c" }),
    at(1, { name: "c", agg_func: "sum" }),
    at(1),
    at(100),
    at(1),
  ]);
  assert.deepEqual(refusals, ["overflow", "late"]);
  assert.equal(aggregator.windows.seriesCount, 5);
  assert.equal(aggregator.books.duplicate, 1);
  assert.equal(aggregator.contributed, 9);
});

Deno.test("known series go on where there are more of them than are allowed by now", () => {
  const aggregator = withFunctions("*=min,max");
  feed(aggregator, [at(1), at(1, { name: "b" })]);
  aggregator.change({ ...aggregator.options, maxSeries: 2 });
  assert.deepEqual(feed(aggregator, [at(2), at(2, { name: "c" })]), ["overflow"]);
});

Deno.test("an event of no function is dropped: it is no duplicate, never late, never of the future, and tells the time", () => {
  const aggregator = withFunctions("debug.*=none", { correctionHorizonMs: 0 });
  const debug = (timestamp: number) => at(timestamp, { name: "debug.x", id: "1" });
  const refusals = feed(aggregator, [at(1), debug(30), debug(30), debug(1), debug(NOW_MS), at(1)]);
  assert.deepEqual(refusals, ["late"]);
  assert.equal(aggregator.books.dropped, 4);
  assert.equal(aggregator.books.duplicate, 0);
  assert.equal(aggregator.watermark.greatestOf(0), 30_000);
  assert.deepEqual(aggregator.windowsToClose().map(({ startMs }) => startMs), [0]);
});

Deno.test("other functions from the next event on: what is open goes on as it is", () => {
  const aggregator = withFunctions("*=min");
  feed(aggregator, [at(1, { value: 3 })]);
  const compiled = compileFunctions("*=max");
  assert.ok("ok" in compiled);
  aggregator.change({ ...aggregator.options, functions: compiled.ok });
  feed(aggregator, [at(2, { value: 7 })]);
  assert.deepEqual(allRows(aggregator).map(({ func, value, count }) => [func, value, count]), [
    ["min", 3, 1],
    ["max", 7, 1],
  ]);
});
