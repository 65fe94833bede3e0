import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import {
  FUNCTION_LIST,
  functionId,
  functionName,
  isFunctionId,
  isPercentile,
  perMillionOf,
  UNNAMED,
  usually,
  usualOf,
} from "../../src/event/agg_function.ts";

Deno.test("every spelling that is known, and what it is called in the sink", () => {
  const canonical: Record<string, string> = {
    p0: "p0",
    p50: "p50",
    "p50.0": "p50",
    p050: "p50",
    "p99.9": "p99.9",
    "p99.9900": "p99.99",
    "p0.0001": "p0.0001",
    "p99.999": "p99.999",
    p100: "p100",
    "p100.0": "p100",
  };
  for (const name of ["sum", "avg", "min", "max", "count", "first", "last", "stddev"]) canonical[name] = name;
  for (const [name, expected] of Object.entries(canonical)) {
    assert.equal(functionName(functionId(name)), expected, name);
  }
});

Deno.test("nothing else is a function", () => {
  const names = [
    "",
    "P50",
    "Sum",
    "sum ",
    "p",
    "p.5",
    "p50.",
    "p-1",
    "p1e1",
    "p 5",
    "p٥",
    "p50\n",
    "mean",
    "p0x1",
  ];
  for (const name of [...names, "p101", "p100.0001", "p999", "p99.99999", "p0000", "toString"]) {
    assert.equal(functionId(name), -1, JSON.stringify(name));
  }
});

Deno.test("property: name and id of a percentile belong to each other", () => {
  fc.assert(fc.property(fc.nat({ max: 1_000_000 }), (perMillion) => {
    const id = 16 + perMillion;
    assert.equal(functionId(functionName(id)), id);
    assert.ok(isFunctionId(id));
  }));
});

Deno.test("what a damaged state could hold is no function id", () => {
  for (const id of [-1, 8, 15, 16.5, 1_000_017, NaN, Infinity]) {
    assert.equal(isFunctionId(id), false, `${id}`);
  }
});

Deno.test("the ids are those that states hold", () => {
  const ids = {
    sum: 0,
    avg: 1,
    min: 2,
    max: 3,
    count: 4,
    first: 5,
    last: 6,
    stddev: 7,
    p0: 16,
    "p99.9": 999_016,
  };
  for (const [name, id] of Object.entries(ids)) {
    assert.equal(functionId(name), id, name);
    assert.ok(isFunctionId(id), name);
    assert.equal(isPercentile(id), name.startsWith("p"), name);
  }
  assert.deepEqual([isPercentile(15), perMillionOf(16), perMillionOf(1_000_016)], [false, 0, 1_000_000]);
  assert.equal(FUNCTION_LIST, "sum, avg, min, max, count, first, last, stddev and p0 to p100");
});

Deno.test("what is usual for an event stands below the one that names no function", () => {
  assert.deepEqual([UNNAMED, usually(0), usually(7), usually(16)], [-1, -2, -9, -18]);
  for (const id of [0, 1, 7, 16, 1_000_016]) assert.equal(usualOf(usually(id)), id);
});

Deno.test("a number from outside is that of a function up to that of p100, and none beyond it", () => {
  const greatest = functionId("p100");
  assert.deepEqual([greatest, greatest + 1, functionId("p0"), functionId("p0") - 1].map(isFunctionId), [
    true,
    false,
    true,
    false,
  ]);
});
