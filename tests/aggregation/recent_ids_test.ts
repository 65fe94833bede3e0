import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { type IdRun, RecentIds } from "../../src/aggregation/recent_ids.ts";
import { CHAIN_MAX } from "../../src/event/keyed_hash.ts";
import { hashBytes } from "../../src/event/text_hash.ts";

/**
 * Values of the counters of ids and of their bytes: at the beginning, and after years, where they might lose
 * precision.
 */
const AGES = [{ ids: 0, bytes: 0 }, { ids: 2 ** 32 - 5, bytes: 2 ** 52 - 40 }, {
  ids: 2 ** 52 - 5,
  bytes: 2 ** 52 - 1,
}];

Deno.test("the last ids are remembered, no more and no fewer, however many there have been", () => {
  const id = fc.oneof(fc.string({ maxLength: 3 }), fc.nat({ max: 30 }).map((n) => `id-${n}`.repeat(n * 10)));
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.array(id, { maxLength: 200, size: "max" }),
      fc.constantFrom(...AGES),
      (
        capacity,
        ids,
        age,
      ) => {
        const recent = new RecentIds(capacity, [1, 2]);
        Object.assign(recent, { nextSequence: age.ids, oldestSequence: age.ids, textEnd: age.bytes });
        let expected: string[] = [];
        for (const text of ids) {
          const { bytes, length, hash } = withHash(text);
          assert.equal(recent.has(bytes, 2, length, hash), expected.includes(text));
          if (expected.includes(text)) continue;
          recent.add(bytes, 2, length, hash);
          expected = [...expected, text].slice(-capacity);
          assert.deepEqual(idsOf(recent.runSince(0)), expected);
          for (const remembered of expected) assert.ok(isKnown(recent, remembered), remembered);
        }
      },
    ),
  );
});

Deno.test("the count of bytes begins anew at 2^52, and ids on both sides of that are remembered", () => {
  const range = 2 ** 52;
  for (const begin of [range - 12, range - 10, range - 1]) {
    const recent = new RecentIds(3, [1, 2]);
    const counter = recent as unknown as { textEnd: number };
    counter.textEnd = begin;
    const ids = ["first", "other", "third", "final"].map((text) => new TextEncoder().encode(text));
    ids.forEach((id, number) => {
      recent.add(id, 0, id.length, number);
      assert.equal(counter.textEnd, (begin + (number + 1) * id.length) % range);
    });
    assert.deepEqual(ids.map((id, number) => recent.has(id, 0, id.length, number)), [
      false,
      true,
      true,
      true,
    ]);
  }
});

Deno.test("what follows an id is none of it, be the memory of ids full to the last byte", () => {
  const bytes = new TextEncoder().encode("ab".repeat(2048));
  for (const length of [2, 2048]) {
    const recent = new RecentIds(3, [1, 2]);
    const starts = [0, length, 1];
    for (const start of starts) recent.add(bytes, start, length, start);
    for (const start of starts) assert.ok(recent.has(bytes, start, length, start), `${start}`);
    assert.ok(!recent.has(bytes, 0, length - 1, 0));
  }
});

Deno.test("ids that are made to meet are told apart and forgotten in their turn, and no chain of them becomes long", () => {
  const capacity = 10_000;
  const recent = new RecentIds(capacity, [1, 2]);
  const ids = Array.from({ length: 25_000 }, (_, i) => new TextEncoder().encode(`id-${i}`));
  ids.forEach((id, number) => {
    assert.equal(recent.has(id, 0, id.length, 7), false);
    recent.add(id, 0, id.length, 7);
    assert.equal(recent.has(id, 0, id.length, 7), true);
    const old = ids[number - capacity];
    if (old) assert.equal(recent.has(old, 0, old.length, 7), false);
  });
  assert.deepEqual(
    idsOf(recent.runSince(0)),
    ids.slice(-capacity).map((id) => new TextDecoder().decode(id)),
  );
  const { cells } = recent as unknown as { cells: Int32Array };
  let [longest, run] = [0, 0];
  for (const cell of cells) longest = Math.max(longest, run = cell === 0 ? 0 : run + 1);
  assert.ok(longest <= CHAIN_MAX);
});

/** The id behind two other bytes, and a hash that many ids share. */
function withHash(text: string) {
  const bytes = new TextEncoder().encode(`..${text}`);
  const length = bytes.length - 2;
  return { bytes, length, hash: hashBytes(bytes, 2, length) & 7 };
}

function isKnown(recent: RecentIds, text: string): boolean {
  const { bytes, length, hash } = withHash(text);
  return recent.has(bytes, 2, length, hash);
}

function idsOf({ lengths, text }: IdRun): string[] {
  let at = 0;
  const ids = Array.from(lengths, (length) => new TextDecoder().decode(text.subarray(at, at += length)));
  assert.equal(at, text.length);
  return ids;
}

Deno.test("the hashes of ids count until a chain of them becomes too long, and none of them does after it", () => {
  const capacity = CHAIN_MAX + 6;
  const recent = new RecentIds(capacity, [1, 2]);
  const ids = Array.from({ length: CHAIN_MAX + 10 }, (_, i) => new TextEncoder().encode(`id-${i}`));
  const has = (id: Uint8Array, hash: number) => recent.has(id, 0, id.length, hash);
  for (const [i, id] of ids.entries()) {
    assert.deepEqual([has(id, 7), has(id, 8)], [false, false], `${i}`);
    recent.add(id, 0, id.length, 7);
    assert.deepEqual([has(id, 7), has(id, 8)], [true, i > CHAIN_MAX], `${i}`);
  }
  assert.deepEqual([...ids.keys()].filter((i) => !has(ids[i]!, 9)), [0, 1, 2, 3]);
  assert.equal(recent.sequence, ids.length);
});
