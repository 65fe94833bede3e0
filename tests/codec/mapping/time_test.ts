import assert from "node:assert/strict";
import { isTimeUnit, perSecond, timeIn, type TimeUnit } from "../../../src/codec/mapping/time.ts";

const at = (text: string) => Date.parse(text);

Deno.test("a time is read in its unit as whole milliseconds, or it is said why there is none", () => {
  const noTime = (text: string) => `the timestamp "${text}" is no time such as 2026-01-31T06:00:00.5+01:00`;
  const cases: readonly (readonly [unknown, TimeUnit, number | string])[] = [
    [0, "s", 0],
    [-0, "s", 0],
    [1.5, "s", 1500],
    ["1.0005", "s", 1001],
    [1.4, "ms", 1],
    [1.5, "ms", 2],
    [1500, "us", 2],
    [1_499_999, "ns", 1],
    [1_500_000, "ns", 2],
    [1e308, "s", 1e300],
    [-0.001, "s", "the timestamp is negative"],
    [true, "s", "the timestamp is no number"],
    [null, "s", "the timestamp is null, and no number"],
    ["soon", "s", 'the timestamp "soon" is no number'],
    [
      " 2026-01-31T06:00:00Z ",
      "s",
      'the timestamp " 2026-01-31T06:00:00Z " is a date and no number: EVENT_TIME_UNIT=rfc3339 reads it',
    ],
    [1, "rfc3339", "the timestamp is a number and no text: EVENT_TIME_UNIT=s, ms, us or ns reads it"],
    [true, "rfc3339", "the timestamp is no text, such as 2026-01-31T06:00:00Z"],
    [undefined, "rfc3339", "the timestamp is no text, such as 2026-01-31T06:00:00Z"],
    ["soon", "rfc3339", noTime("soon")],
    ["x".repeat(40), "rfc3339", noTime("x".repeat(40))],
    ["x".repeat(41), "rfc3339", noTime(`${"x".repeat(40)}…`)],
  ];
  for (const [value, unit, expected] of cases) {
    assert.ok(Object.is(timeIn(value, unit), expected), `${value} in ${unit}: ${timeIn(value, unit)}`);
  }
});

Deno.test("times of RFC 3339: each part up to its last, in every zone", () => {
  const times: readonly (readonly [string, number])[] = [
    ["1970-01-01T00:00:00Z", 0],
    ["1970-01-01T00:00:00.0004Z", 0],
    ["1970-01-01T00:00:00.0005Z", 1],
    ["1970-01-01 00:00:01z", 1000],
    ["1970-01-01t01:00:00+01:00", 0],
    ["1970-01-01T00:00:00-00:30", 30 * 60_000],
    ["1970-01-01T00:00:00-23:59", (23 * 60 + 59) * 60_000],
    ["1970-01-02T00:00:00+23:59", 60_000],
    ["2026-01-31T23:59:59.999Z", at("2026-01-31T23:59:59.999Z")],
    ["2016-12-31T23:59:60Z", at("2017-01-01T00:00:00Z")],
    ["2024-02-29T06:07:08.25Z", at("2024-02-29T06:07:08.250Z")],
    ["2026-12-31T06:00:00+01:00", at("2026-12-31T05:00:00Z")],
    ["2026-12-31T06:00:00-01:30", at("2026-12-31T07:30:00Z")],
    [" 2026-12-31T06:00:00Z\n", at("2026-12-31T06:00:00Z")],
    ["9999-12-31T23:59:59Z", at("9999-12-31T23:59:59Z")],
  ];
  for (const [text, ms] of times) assert.equal(timeIn(text, "rfc3339"), ms, text);
  const others = [
    "1969-12-31T23:59:59.999Z",
    "1970-01-01T00:00:00+00:01",
    "2026-00-01T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-01-00T00:00:00Z",
    "2026-02-29T00:00:00Z",
    "2026-04-31T00:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-01-01T00:60:00Z",
    "2026-01-01T00:00:61Z",
    "2026-01-01T00:00:00+24:00",
    "2026-01-01T00:00:00+00:60",
    "2026-01-01T00:00:00",
    "2026-01-01",
    "2026-01-01T00:00Z",
    "0070-01-01T00:00:00Z",
  ];
  for (const text of others) assert.equal(typeof timeIn(text, "rfc3339"), "string", text);
});

Deno.test("units are known by their names and by how many are in a second", () => {
  const units = [["s", 1], ["ms", 1e3], ["us", 1e6], ["ns", 1e9], ["rfc3339", undefined]] as const;
  for (const [unit, count] of units) assert.deepEqual([isTimeUnit(unit), perSecond(unit)], [true, count]);
  for (const text of ["", "S", "min"]) assert.ok(!isTimeUnit(text));
});
