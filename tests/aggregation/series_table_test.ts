import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { archiveHash } from "../../src/aggregation/series_hash.ts";
import { SeriesTable } from "../../src/aggregation/series_table.ts";
import { CHAIN_MAX } from "../../src/event/keyed_hash.ts";
import { hashBytes } from "../../src/event/text_hash.ts";

const ENCODER = new TextEncoder();

/** Bytes of the memory that is for names which do not fit into the 64 bytes of a row. */
function longNamesBytes(table: SeriesTable): number {
  return table.names.length - table.capacity * 64;
}

/** A table and a map that must agree with it. A series exists as long as it has a slot. */
class Pair {
  readonly table = new SeriesTable([1, 2]);
  readonly alive = new Map<string, number>();

  constructor(private readonly hash: (name: string) => number) {}

  find(name: string, functionId: number): number {
    const bytes = ENCODER.encode(`..${name}`);
    return this.table.find(bytes, 2, bytes.length - 2, this.hash(name), functionId);
  }

  add(name: string, functionId: number): void {
    const bytes = ENCODER.encode(`..${name}`);
    let series = this.find(name, functionId);
    if (series < 0) series = this.table.add(bytes, 2, bytes.length - 2, this.hash(name), functionId);
    this.table.setFirstSlot(series, 1);
    this.alive.set(`${functionId} ${name}`, series);
  }

  forget(key: string): void {
    this.table.setFirstSlot(this.alive.get(key)!, -1);
    this.alive.delete(key);
  }

  check(): void {
    assert.equal(new Set(this.alive.values()).size, this.alive.size, "no number twice");
    for (const [key, series] of this.alive) {
      const [functionId, ...name] = key.split(" ");
      assert.equal(this.find(name.join(" "), Number(functionId)), series, key);
      const bytes = this.table.nameBytes(series);
      assert.equal(new TextDecoder().decode(bytes), name.join(" "));
      const hash = archiveHash(bytes, 0, bytes.length, Number(functionId));
      assert.equal(this.table.archiveHash(series), hash);
      assert.equal(this.table.functionId(series), Number(functionId));
      assert.equal(this.table.firstSlot(series), 1);
      for (const other of [0, 1, 16]) {
        const beside = this.table.findBeside(series, other);
        if (beside >= 0) assert.equal(beside, this.find(name.join(" "), other));
      }
    }
  }
}

const realHash = (name: string) => {
  const bytes = ENCODER.encode(name);
  return hashBytes(bytes, 0, bytes.length);
};

Deno.test("property: it is a map of (name, function), however series come and go", () => {
  const step = fc.oneof(
    fc.record({
      add: fc.nat({ max: 900 }),
      from: fc.nat({ max: 3000 }),
      functionIds: fc.constantFrom([0], [1], [16], [0, 1], [1, 16, 0]),
      // A name of up to 40 bytes lies in the row of its series.
      suffix: fc.constantFrom("", "x".repeat(28), "x".repeat(29), "x".repeat(30), "x".repeat(200)),
    }),
    fc.record({ forgetEvery: fc.integer({ min: 1, max: 4 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 10 }), fc.boolean(), (steps, collides) => {
      const pair = new Pair(collides ? (name) => name.length : realHash);
      const names = collides ? 40 : 900;
      for (const step of steps) {
        if ("add" in step) {
          for (let i = 0; i < step.add % names; i++) {
            for (const functionId of step.functionIds) {
              pair.add(`series ${step.from + i}${step.suffix}`, functionId);
            }
          }
        } else [...pair.alive.keys()].forEach((key, i) => i % step.forgetEvery === 0 && pair.forget(key));
        pair.check();
      }
    }),
    { numRuns: 40 },
  );
});

Deno.test("the longest names there are fit, and make no room be lost", () => {
  const pair = new Pair(realHash);
  for (let round = 0; round < 6; round++) {
    for (let i = 0; i < 200; i++) {
      pair.add("𝄞".repeat(511) + String.fromCodePoint(0x1f000 + round * 200 + i), 0);
    }
    pair.check();
    for (const key of [...pair.alive.keys()]) pair.forget(key);
  }
  assert.ok(longNamesBytes(pair.table) <= 4 * 200 * 2048, `${longNamesBytes(pair.table)}`);
  // All numbers that were given before are given again, and then new ones.
  for (let i = 0; i < 512; i++) pair.add(`short ${i}`, 0);
  pair.check();
  assert.equal(pair.table.capacity, 1024);
});

Deno.test("the numbers of forgotten series are given again: each series has room of its own", () => {
  const pair = new Pair(realHash);
  for (let i = 0; i < 100_000; i++) {
    pair.add(`${i}`, 0);
    assert.equal(pair.find(`${i}`, 0), pair.alive.get(`0 ${i}`));
    pair.forget(`0 ${i}`);
  }
});

Deno.test("the functions of a name are found beside each other, however often room is made", () => {
  const pair = new Pair(realHash);
  for (let i = 0; i < 5000; i++) {
    for (const functionId of [1, 0, 16]) pair.add(`${i}`, functionId);
    const [avg, sum, p16] = [1, 0, 16].map((functionId) => pair.find(`${i}`, functionId));
    assert.deepEqual([pair.table.findBeside(avg!, 0), pair.table.findBeside(sum!, 16)], [sum, p16]);
    assert.equal(pair.table.findBeside(p16!, 1), -1);
  }
  for (let i = 0; i < 5000; i++) {
    const starts = [1, 0, 16].map((functionId) => pair.table.nameStart(pair.find(`${i}`, functionId)));
    assert.equal(new Set(starts).size, 1, "a name is there once");
  }
  pair.check();
  for (const key of [...pair.alive.keys()].filter((key) => Number(key.split(" ")[1]) % 5 > 0)) {
    pair.forget(key);
  }
  for (let i = 0; i < 20_000; i++) pair.add(`other ${i}`, 0);
  pair.check();
  for (let i = 0; i < 5000; i += 5) {
    assert.equal(pair.table.findBeside(pair.find(`${i}`, 1), 0), pair.find(`${i}`, 0));
  }
});

Deno.test("a forgotten series is not found beside one of the same name, however short that is", () => {
  for (const name of ["", "a", "ab"]) {
    const pair = new Pair(realHash);
    for (let functionId = 0; functionId < 500; functionId++) pair.add(name, functionId);
    const left = pair.find(name, 250);
    for (const key of [...pair.alive.keys()]) if (key !== `250 ${name}`) pair.forget(key);
    // Where there is no room, what was forgotten is taken away. Its numbers are given again, the least first.
    for (let i = 0; i < 600; i++) {
      pair.add(`other ${i}`, 0);
      const beside = pair.table.findBeside(left, 251);
      assert.equal(beside, beside < 0 ? -1 : pair.find(name, 251), JSON.stringify(name));
    }
    pair.check();
  }
});

Deno.test("names that begin alike, the empty name and one that holds a space are told apart", () => {
  const pair = new Pair(() => 7);
  for (const name of ["", " ", "a", "aa", "a ", "ä"]) {
    assert.equal(pair.find(name, 0), -1);
    pair.add(name, 0);
    assert.equal(pair.find(name, 1), -1, "another function is another series");
  }
  pair.check();
});

Deno.test("names of one length and one hash are told apart, wherever they are in their bytes", () => {
  const [one, two, both] = ["1-name", "2-name", "2-name1-name"].map((text) => ENCODER.encode(text));
  const table = new SeriesTable([1, 2]);
  const find = (bytes: Uint8Array, start: number) => table.find(bytes, start, 6, 7, 0);
  const series = table.add(one!, 0, 6, 7, 0);
  assert.deepEqual([find(two!, 0), find(one!, 0), find(both!, 0), find(both!, 6)], [-1, series, -1, series]);
});

Deno.test("names that are made to meet are told apart, and no chain of them becomes long", () => {
  const pair = new Pair(() => 7);
  for (let i = 0; i < 20_000; i++) pair.add(`name-${i}`, i % 3);
  pair.check();
  assert.ok(longestRun(pair.table) <= CHAIN_MAX);
  // Series without slots make room, and the table is rebuilt.
  for (const key of [...pair.alive.keys()].slice(0, 15_000)) pair.forget(key);
  for (let i = 0; i < 20_000; i++) pair.add(`other-${i}`, 0);
  pair.check();
  assert.equal(pair.find("name-0", 1), -1);
  assert.ok(longestRun(pair.table) <= CHAIN_MAX);
});

Deno.test("the hashes that are given count until a chain becomes too long, and none of them does after it", () => {
  const table = new SeriesTable([1, 2]);
  const names = Array.from({ length: CHAIN_MAX + 10 }, (_, i) => ENCODER.encode(`name-${i}`));
  const find = (name: Uint8Array, hash: number) => table.find(name, 0, name.length, hash, 5);
  for (const [i, name] of names.entries()) {
    assert.equal(find(name, 7), -1);
    assert.equal(table.add(name, 0, name.length, 7, 5), i);
    const isKeyed = i > CHAIN_MAX;
    for (const [other, known] of names.slice(0, i + 1).entries()) {
      if (other % 16 > 0 && other < i) continue;
      assert.deepEqual([find(known, 7), find(known, 8)], [other, isKeyed ? other : -1], `${other} of ${i}`);
    }
  }
});

Deno.test("beside a series is the one that was added right after it, with its name and another function", () => {
  const table = new SeriesTable([1, 2]);
  const series = [["a", 1], ["a", 2], ["b", 1], ["c", 2], ["c", 0], ["cc", 1], ["", 3], ["", 1]] as const;
  for (const [text, functionId] of series) {
    const name = ENCODER.encode(text);
    table.add(name, 0, name.length, realHash(text), functionId);
  }
  const beside = series.map((_, i) => [0, 1, 2, 3].map((functionId) => table.findBeside(i, functionId)));
  const none = [-1, -1, -1, -1];
  assert.deepEqual(beside, [[-1, -1, 1, -1], none, none, [4, -1, -1, -1], none, none, [-1, 7, -1, -1], none]);
  for (const functionId of [0, 1, 3]) assert.equal(table.findBeside(-1, functionId), -1);
  assert.deepEqual(
    series.map((_, i) => new TextDecoder().decode(table.nameBytes(i))),
    series.map(([name]) => name),
  );
});

Deno.test("a name is kept once for the functions that follow each other, and the bytes around it do not count", () => {
  const table = new SeriesTable([1, 2]);
  const text = ENCODER.encode("abcabcabdab");
  const add = (start: number, length: number, functionId: number) =>
    table.add(text, start, length, realHash("abcabcabdab".slice(start, start + length)), functionId);
  const ranges = [[0, 3, 0], [3, 3, 1], [6, 3, 0], [0, 3, 2], [0, 2, 0], [9, 2, 1]] as const;
  const starts = ranges.map(([start, length, id]) => table.nameStart(add(start, length, id)));
  assert.deepEqual(starts.map((start) => starts.indexOf(start)), [0, 0, 2, 3, 4, 4]);
});

Deno.test("the first slots of series are likely to be known before the series are looked for", () => {
  const pair = new Pair(realHash);
  const names = Array.from({ length: 40 }, (_, i) => `name-${i}`);
  for (const [i, name] of names.entries()) {
    pair.add(name, i % 3);
    pair.table.setFirstSlot(pair.find(name, i % 3), 100 + i);
  }
  const hashes = Int32Array.from(names, realHash);
  const functions = Int32Array.from(names, (_, i) => i % 3);
  const slots = new Int32Array(40).fill(-7);
  pair.table.touch(hashes, functions, 10, 40, slots);
  const known = slots.subarray(0, 30).filter((slot, i) => slot === 110 + i);
  // Those that did not get the first cell of their chain are not known.
  assert.ok(known.length >= 27, slots.join());
  assert.deepEqual([...slots.subarray(30)], Array(10).fill(-7));
  for (const [i, name] of names.entries()) {
    assert.equal(pair.table.firstSlot(pair.find(name, i % 3)), 100 + i);
  }
});

/** The longest run of taken cells. */
function longestRun(table: SeriesTable): number {
  const { cells } = table as unknown as { cells: Int32Array };
  let [longest, run] = [0, 0];
  for (const cell of cells) longest = Math.max(longest, run = cell === 0 ? 0 : run + 1);
  return longest;
}

Deno.test("where room is needed, series without slots give theirs, and more is made where over half is in use", () => {
  for (const live of [0, 1, 2, 3, 511, 512, 513, 1023]) {
    const table = new SeriesTable([1, 2]);
    const longBytes = longNamesBytes(table);
    const find = (name: string, functionId: number) =>
      table.find(ENCODER.encode(name), 0, name.length, realHash(name), functionId);
    const add = (name: string, functionId: number) =>
      table.add(ENCODER.encode(name), 0, name.length, realHash(name), functionId);
    for (let series = 0; series < 1024; series++) {
      assert.equal(add(`name ${series >> 1}`, series & 1), series);
      table.setFirstSlot(series, series < live ? series : -1);
    }
    assert.equal(table.capacity, 1024);
    assert.equal(find("name 511", 1), 1023, "known until room is needed");
    assert.equal(add("more", 0), live, "the least number that is free");
    assert.equal(table.capacity, live > 512 ? 2048 : 1024, `${live}`);
    assert.equal(longNamesBytes(table), longBytes);
    for (let series = 0; series < 1024; series++) {
      const name = `name ${series >> 1}`;
      assert.equal(find(name, series & 1), series < live ? series : -1, `${series} of ${live}`);
      if (series >= live) continue;
      assert.equal(new TextDecoder().decode(table.nameBytes(series)), name);
      assert.equal(table.firstSlot(series), series);
      if (series % 2 === 0) assert.equal(table.findBeside(series, 1), series + 1 < live ? series + 1 : -1);
    }
    table.setFirstSlot(live, 0);
    for (let next = live + 1; next < 1024; next++) {
      assert.equal(add(`other ${next}`, 0), next);
      table.setFirstSlot(next, 0);
    }
    assert.equal(find("more", 0), live);
    assert.equal(add("last", 0), 1024, "all others are in use");
    assert.equal(table.capacity, 2048);
  }
});
