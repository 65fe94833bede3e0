import assert from "node:assert/strict";
import { KeyOrder } from "../../../src/state/outbox/key_order.ts";
import fc from "../../support/fast_check.ts";

const ENCODER = new TextEncoder();

/** The keys, by their indices, in the order that they are put into. */
function ordered(keys: readonly string[]): number[] {
  const encoded = keys.map((key) => ENCODER.encode(key));
  const bytes = new Uint8Array(encoded.reduce((sum, { length }) => sum + length, 0));
  const [starts, ends] = [new Int32Array(keys.length), new Int32Array(keys.length)];
  let end = 0;
  for (const [i, key] of encoded.entries()) {
    starts[i] = end;
    bytes.set(key, end);
    ends[i] = end += key.length;
  }
  const order = Int32Array.from(keys.keys());
  const sorter = new KeyOrder({ bytes, starts, ends }, order, (a, b) => a - b);
  sorter.sort(0, keys.length);
  sorter.release();
  assert.deepEqual([bytes.length, starts.length, ends.length], [0, 0, 0]);
  return [...order];
}

/** By the bytes of the keys, and in the order that they have where these are equal. */
function expected(keys: readonly string[]): number[] {
  const bytes = keys.map((key) => ENCODER.encode(key));
  const compare = (a: Uint8Array, b: Uint8Array) => {
    let at = 0;
    while (at < a.length && a[at] === b[at]) at++;
    return (a[at] ?? -1) - (b[at] ?? -1);
  };
  return [...keys.keys()].sort((a, b) => compare(bytes[a]!, bytes[b]!) || a - b);
}

/** Keys with much in common: few characters, some of several bytes, beginnings of each other, labels. */
const part = fc.constantFrom(
  "",
  "a",
  "b",
  "ab",
  "aaaaa",
  "plant.line",
  "temperature",
  "ß",
  "€",
  "😀",
  "\uffff",
);
const key = fc.tuple(part, part, part, fc.constantFrom("", '\0{"a":"b"}', '\0{"a":"c"}'))
  .map((parts) => parts.join(""));

Deno.test("keys are in the order of their bytes, and equal ones in the order that they had", () =>
  fc.assert(
    fc.property(fc.array(key, { maxLength: 200 }), (keys) => {
      assert.deepEqual(ordered(keys), expected(keys));
    }),
  ));

Deno.test("many keys are in order, whatever order they came in", () => {
  const names = Array.from({ length: 3000 }, (_, i) => `plant.line${i % 20}.sensor${i}.temperature`);
  const orders = {
    "as they are": names,
    "in order": names.toSorted(),
    "in reverse": names.toSorted().reverse(),
    "rising and falling": [...names.toSorted(), ...names.toSorted().reverse()],
    "all the same": names.map(() => "a"),
    "beginnings of each other": names.map((_, i) => "a".repeat(i % 1500)),
  };
  for (const [name, keys] of Object.entries(orders)) {
    assert.deepEqual(ordered(keys), expected(keys), name);
  }
});

Deno.test("keys that are split unevenly again and again are in order as well", () => {
  const keys = unlucky(4000).map((number) => String(number + 1000));
  assert.deepEqual(ordered(keys), expected(keys));
});

/**
 * Numbers of which the median of the first, the middle and the last one is nearly the least, in each
 * partition anew: two of the three get the least numbers that are left (McIlroy: A Killer Adversary for
 * Quicksort, 1999).
 */
function unlucky(count: number): number[] {
  const numbers = new Array<number>(count).fill(Infinity);
  const order = [...numbers.keys()];
  let given = 0;
  for (let from = 0; count - from > 2;) {
    const three = [order[from]!, order[(from + count) >>> 1]!, order[count - 1]!];
    for (const index of three.filter((index) => numbers[index] === Infinity).slice(0, 2)) {
      numbers[index] = given++;
    }
    const pivot = three.map((index) => numbers[index]!).sort((a, b) => a - b)[1]!;
    let [less, next, greater] = [from, from, count];
    while (next < greater) {
      const number = numbers[order[next]!]!;
      const other = number < pivot ? less++ : number > pivot ? --greater : next;
      [order[next], order[other]] = [order[other]!, order[next]!];
      if (number <= pivot) next++;
    }
    from = greater;
  }
  for (const index of order) if (numbers[index] === Infinity) numbers[index] = given++;
  return numbers;
}
