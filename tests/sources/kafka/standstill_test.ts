import assert from "node:assert/strict";
import { Standstill } from "../../../src/sources/kafka/standstill.ts";
import { loggerTo } from "../../support/logs.ts";

const MINUTE_MS = 60_000;

function rig(endsWhenRead = false) {
  let minutes = 0;
  const lines: string[] = [];
  const logger = loggerTo(lines, "warn");
  const standstill = new Standstill({ monotonicMs: () => minutes * MINUTE_MS }, logger, endsWhenRead);
  return {
    /** Checks after so many more minutes, and returns what was logged since. */
    check(after: number, at: number, stableEnd: number, end: number): string {
      minutes += after;
      standstill.check({ at, ends: { end, stableEnd }, name: "t/0" });
      return lines.splice(0).join("\n");
    },
  };
}

Deno.test("a transaction that is left open is told of each minute, and fails the partition in the end", () => {
  const { check } = rig();
  assert.equal(check(0, 5, 5, 9), "");
  assert.equal(check(0.9, 5, 5, 9), "");
  assert.match(check(0.2, 5, 5, 9), /left a transaction open.*kafka-transactions\.sh/);
  assert.equal(check(0.5, 5, 5, 9), "");
  assert.match(check(0.5, 5, 5, 9), /left a transaction open/);
  assert.match(check(13, 5, 5, 9), /left a transaction open/);
  assert.throws(
    () => check(1, 5, 5, 9),
    /^SourceError: t\/0: a producer has left a transaction open.* at offset 5, of 9/,
  );
  assert.throws(() => check(60, 5, 5, 9), /open/);
  assert.equal(check(0, 9, 9, 9), "");
});

Deno.test("a run that ends says at once what it leaves behind an open transaction", () => {
  const { check } = rig(true);
  assert.match(
    check(0, 5, 5, 9),
    /records wait behind .*the next run reads them.*kafka-transactions\.sh.*end=9/,
  );
  assert.equal(check(0, 9, 9, 9), "");
  assert.equal(check(0, 50, 20, 20), "", "a broker may be behind for a moment");
});

Deno.test("transactions that follow each other are no standstill", () => {
  const { check } = rig();
  for (let at = 5; at < 100; at++) {
    assert.equal(check(0.5, at, at, at + 9), "");
    assert.equal(check(0.4, at, at, at + 9), "");
  }
});

Deno.test("an end before what was read is told of", () => {
  const { check } = rig();
  assert.equal(check(0, 50, 20, 20), "");
  assert.match(check(1, 50, 20, 20), /ends before what was read of it/);
  assert.throws(() => check(15, 50, 20, 20), /ends before what was read of it.* at offset 50, of 20/);
  assert.equal(check(0, 50, 50, 50), "");
});
