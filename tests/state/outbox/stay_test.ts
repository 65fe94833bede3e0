import assert from "node:assert/strict";
import { bitsOfStays, fateOf, type Presence } from "../../../src/state/outbox/stay.ts";

const SINK: Presence = {
  bit: 0b100,
  sinceId: 20,
  cursor: 23,
  earlier: [
    { sinceId: 2, untilId: 6, bit: 0b1, cursor: 4 },
    { sinceId: 10, untilId: 13, bit: 0b10, cursor: 13 },
  ],
};

/** The fates of the ids `from` up to `to`, which have these bits. */
function fates(from: number, to: number, bits: number): string {
  return Array.from({ length: to - from }, (_, i) => fateOf(SINK, from + i, bits)?.[0] ?? "-").join("");
}

Deno.test("an aggregate was handed, waits or was given up, by the stay in which it was made", () => {
  assert.equal(fates(0, 8, 0b1), "--hhgg--");
  assert.equal(fates(8, 15, 0b10), "--hhh--");
  assert.equal(fates(18, 26, 0b100), "--hhhwww");
});

Deno.test("what has another sink's bits in a stay never went to the sink", () => {
  assert.equal(fates(0, 30, 0b1000), "-".repeat(30));
  assert.equal(fates(0, 10, 0b110), "-".repeat(10));
  assert.equal(fates(10, 20, 0b101), "-".repeat(10));
  assert.equal(fates(20, 30, 0b011), "-".repeat(10));
  assert.equal(fates(0, 26, 0b111), "--hhgg----hhh-------hhhwww", "beside those of others");
});

Deno.test("a sink has had the bits of all its stays", () => {
  assert.equal(bitsOfStays(SINK), 0b111);
  assert.equal(bitsOfStays({ ...SINK, earlier: [] }), 0b100);
  assert.equal(bitsOfStays({ ...SINK, earlier: [{ ...SINK.earlier[0]!, bit: 0b100 }] }), 0b100);
});
