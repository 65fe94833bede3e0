import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { Watermark } from "../../src/aggregation/watermark.ts";

const LATENESS_MS = 500;

Deno.test("property: it is the greatest that the least of the buses that are not idle has ever let it be", () => {
  const step = fc.oneof(
    fc.record({ bus: fc.nat({ max: 2 }), ms: fc.nat({ max: 100_000 }) }),
    fc.record({ bus: fc.nat({ max: 2 }), idle: fc.boolean() }),
  );
  fc.assert(fc.property(fc.array(step), (steps) => {
    const watermark = new Watermark(3, LATENESS_MS);
    const greatest = [-Infinity, -Infinity, -Infinity];
    const idle = [false, false, false];
    let expected = -Infinity;
    for (const step of steps) {
      if ("ms" in step) {
        watermark.advance(step.bus, step.ms);
        greatest[step.bus] = Math.max(greatest[step.bus]!, step.ms);
      } else {
        watermark.setIdle(step.bus, step.idle);
        idle[step.bus] = step.idle;
      }
      const awake = greatest.filter((_, bus) => !idle[bus]);
      if (awake.length > 0) expected = Math.max(expected, Math.min(...awake) - LATENESS_MS);
      assert.equal(watermark.valueMs, expected);
      assert.equal(watermark.allIdle(), awake.length === 0);
      assert.equal(watermark.leastGreatestMs(), Math.min(...greatest), "idle or not");
      for (let bus = 0; bus < 3; bus++) {
        assert.equal(watermark.greatestOf(bus), greatest[bus]);
        const others = greatest.filter((_, other) => other !== bus && !idle[other]);
        assert.equal(watermark.limitOfOthers(bus), Math.min(...others));
      }
    }
  }));
});

Deno.test("a bus that has never had an event holds the others back, until it is idle", () => {
  const watermark = new Watermark(2, 0);
  watermark.advance(0, 9000);
  assert.equal(watermark.valueMs, -Infinity);
  watermark.setIdle(1, true);
  assert.equal(watermark.valueMs, 9000);
  watermark.advance(1, 1000);
  assert.equal(watermark.valueMs, 9000);
});

Deno.test("what a checkpoint kept is taken over; where all are idle nothing moves it", () => {
  const watermark = new Watermark(2, 0);
  watermark.restore(7000, [8000, -Infinity]);
  assert.deepEqual([watermark.valueMs, watermark.greatestOf(0), watermark.greatestOf(1)], [
    7000,
    8000,
    -Infinity,
  ]);
  watermark.setIdle(0, true);
  watermark.setIdle(1, true);
  assert.equal(watermark.valueMs, 7000);
  watermark.setIdle(0, false);
  assert.equal(watermark.valueMs, 8000);
});

Deno.test("property: partitions that come and go, wake up and are taken back are as a list of them has it", () => {
  const pick = fc.nat({ max: 30 });
  const ms = fc.nat({ max: 1000 });
  const step = fc.oneof(
    fc.record({ kind: fc.constant("advance" as const), pick, ms }),
    fc.record({ kind: fc.constant("goOn" as const), pick, ms }),
    fc.record({ kind: fc.constant("idle" as const), pick, ms }),
    fc.record({ kind: fc.constant("exchange" as const), pick, ms }),
    fc.record({ kind: fc.constant("add" as const), pick, ms }),
    fc.record({ kind: fc.constant("remove" as const), pick, ms }),
    fc.record({ kind: fc.constant("cap" as const), pick, ms }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const watermark = new Watermark(1, 0);
    const there = new Map([[0, { ms: -Infinity, isIdle: false }]]);
    let reached = -Infinity;
    for (const { kind, pick, ms } of steps) {
      const numbers = [...there.keys()];
      const number = numbers[pick % numbers.length];
      const partition = there.get(number!);
      const isOtherwise = partition?.isIdle !== (ms % 2 === 0);
      if (kind === "add") there.set(watermark.add(ms), { ms, isIdle: false });
      else if (kind === "cap") {
        assert.equal(watermark.cap(ms), reached > ms);
        reached = Math.min(reached, ms);
        for (const other of there.values()) other.ms = Math.min(other.ms, ms);
      } else if (number !== undefined && partition !== undefined) {
        if (kind === "advance") watermark.advance(number, ms), partition.ms = Math.max(partition.ms, ms);
        if (kind === "goOn") watermark.goOnAt(number, ms), partition.ms = ms;
        if (kind === "idle") watermark.setIdle(number, partition.isIdle = ms % 2 === 0);
        if (kind === "remove") watermark.remove(number), there.delete(number);
        if (kind === "exchange") {
          const other = numbers[ms % numbers.length]!;
          watermark.exchange(number, other);
          [partition.ms, there.get(other)!.ms] = [there.get(other)!.ms, partition.ms];
        }
      }
      const awake = [...there.values()].filter(({ isIdle }) => !isIdle).map(({ ms }) => ms);
      // Only what moves or wakes a partition, or takes one away, lets the watermark move.
      const settles = numbers.length > 0 &&
        (kind === "advance" || kind === "goOn" || kind === "remove" || (kind === "idle" && isOtherwise));
      if (settles && awake.length > 0) reached = Math.max(reached, Math.min(...awake));
      assert.equal(watermark.valueMs, reached);
      assert.equal(watermark.allIdle(), awake.length === 0);
      assert.equal(watermark.leastGreatestMs(), Math.min(...[...there.values()].map(({ ms }) => ms)));
      for (const [own, { ms }] of there) {
        assert.equal(watermark.greatestOf(own), ms);
        const others = [...there].filter(([other, { isIdle }]) => other !== own && !isIdle).map((
          [, { ms }],
        ) => ms);
        assert.equal(watermark.limitOfOthers(own), Math.min(...others));
      }
    }
  }));
});

Deno.test("event time is taken back to the wall clock, less the lateness, and how often is counted", () => {
  const watermark = new Watermark(2, LATENESS_MS);
  watermark.advance(0, 9000);
  watermark.advance(1, 8000);
  const capped = (nowMs: number) => [
    watermark.cap(nowMs),
    watermark.valueMs,
    watermark.greatestOf(0),
    watermark.greatestOf(1),
    watermark.capCount,
  ];
  assert.deepEqual(capped(9001), [false, 7500, 9000, 8000, 0]);
  assert.deepEqual(capped(9000), [false, 7500, 9000, 8000, 0]);
  assert.deepEqual(capped(8500), [false, 7500, 8500, 8000, 1]);
  assert.deepEqual(capped(8500), [false, 7500, 8500, 8000, 1], "it is there already");
  assert.deepEqual(capped(8000), [false, 7500, 8000, 8000, 2]);
  assert.deepEqual(capped(7999), [true, 7499, 7999, 7999, 3]);
  watermark.allowedLatenessMs = 0;
  assert.deepEqual(capped(7999), [false, 7499, 7999, 7999, 3]);
});

Deno.test("a number is given out again once its partition is removed, the least one first", () => {
  const watermark = new Watermark(1, 0);
  const added = Array.from({ length: 12 }, (_, i) => watermark.add(100 + i));
  assert.deepEqual(added, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  for (const number of [7, 0]) watermark.remove(number);
  assert.deepEqual([watermark.add(5), watermark.add(6), watermark.add(7)], [0, 7, 13]);
  assert.deepEqual([0, 7, 8, 13].map((number) => watermark.greatestOf(number)), [5, 6, 107, 7]);
  assert.equal(watermark.leastGreatestMs(), 5);
  assert.equal(watermark.limitOfOthers(0), 6);
});

Deno.test("a partition that is removed has no event time, nor has one that was never added", () => {
  const watermark = new Watermark(1, 0);
  watermark.advance(0, 5000);
  assert.equal(watermark.add(7000), 1);
  const times = () => Array.from({ length: 4 }, (_, number) => watermark.greatestOf(number));
  assert.deepEqual(times(), [5000, 7000, -Infinity, -Infinity]);
  watermark.remove(0);
  assert.deepEqual(times(), [-Infinity, 7000, -Infinity, -Infinity]);
  assert.deepEqual([watermark.valueMs, watermark.leastGreatestMs()], [7000, 7000]);
  // One time that is taken back is none of theirs.
  watermark.cap(6000);
  assert.deepEqual(times(), [-Infinity, 6000, -Infinity, -Infinity]);
});
