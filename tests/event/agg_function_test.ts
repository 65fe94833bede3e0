import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { functionId, functionName, isFunctionId } from "../../src/event/agg_function.ts";

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
