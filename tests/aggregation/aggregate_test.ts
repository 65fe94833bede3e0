import assert from "node:assert/strict";
import { type Aggregate, describeSeries, toRecord } from "../../src/aggregation/aggregate.ts";
import { BOOK_ENTRIES, type EventBooks, refusedIn } from "../../src/aggregation/event_books.ts";
import { lengthOf, tierText } from "../../src/aggregation/tier.ts";

const AGGREGATE: Aggregate = {
  name: "oven",
  aggFunc: "avg",
  value: 2.5,
  windowStartMs: 60_500,
  windowEndMs: 120_500,
  count: 2,
  revision: 1,
};

Deno.test("the record of an aggregate has times in seconds, and labels where there are some", () => {
  const record = {
    name: "oven",
    agg_func: "avg",
    value: 2.5,
    timestamp: 60.5,
    window_start: 60.5,
    window_end: 120.5,
    count: 2,
    revision: 1,
    instance: "plant",
  };
  assert.deepEqual(toRecord(AGGREGATE, "plant"), record);
  assert.deepEqual(toRecord({ ...AGGREGATE, labels: '{"line":"1"}' }, "plant"), {
    ...record,
    labels: { line: "1" },
  });
});

Deno.test("a series is described with its function and labels", () => {
  assert.equal(describeSeries({ ...AGGREGATE, name: 'a"b' }), 'avg("a\\"b")');
  assert.equal(describeSeries({ ...AGGREGATE, labels: '{"line":"1"}' }), 'avg("oven"{"line":"1"})');
});

Deno.test("a tier is written in seconds, with its hop where it hops", () => {
  assert.equal(tierText({ lengthMs: 300_000, hopMs: 300_000 }), "300");
  assert.equal(tierText({ lengthMs: 300_000, hopMs: 60_000 }), "300/60");
  assert.equal(tierText({ lengthMs: 500, hopMs: 250 }), "0.5/0.25");
  assert.equal(lengthOf({ startMs: -5, endMs: 20 }), 25);
});

Deno.test("refused events are those that are invalid, of the future, late or too many", () => {
  const books = Object.fromEntries(BOOK_ENTRIES.map((name, i) => [name, 10 ** i])) as unknown as EventBooks;
  assert.deepEqual(BOOK_ENTRIES.slice(3, 7), ["invalid", "future", "late", "overflow"]);
  assert.equal(refusedIn(books), 1_111_000);
});
