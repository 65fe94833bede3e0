import assert from "node:assert/strict";
import { compareOffsets, type CountedPartition } from "../../src/control/fleet_offsets.ts";

/** @param ranges `from-to`, or undefined. */
function counted(instance: string, partition: number, ranges: string | undefined): CountedPartition {
  return {
    instance,
    name: `bus partition t/${partition}`,
    identity: `kafka id/${partition}`,
    ranges: ranges?.split(" ").map((range) => {
      const [from, to] = range.split("-").map(Number);
      return { from: from!, to: to! };
    }),
  };
}

Deno.test("offsets that follow each other over the instances are proven", () => {
  const proof = compareOffsets([
    counted("a", 0, "5-10 20-25"),
    counted("b", 0, "10-20"),
    counted("c", 0, "25-26"),
    counted("b", 1, "0-7"),
    counted("c", 2, undefined),
  ]);
  assert.deepEqual(proof, { partitions: 3, offsets: 28, faults: [] });
});

Deno.test("what two instances have, or none, is named", () => {
  const { faults } = compareOffsets([
    counted("a", 0, "0-10"),
    counted("b", 0, "8-12"),
    counted("a", 1, "0-10"),
    counted("b", 1, "11-12"),
    counted("a", 2, undefined),
    counted("b", 2, undefined),
    counted("a", 3, "0-10"),
    counted("b", 3, "2-4"),
  ]);
  assert.deepEqual(faults, [
    "bus partition t/0: 2 offsets from 8 on are in the books of a and b",
    "bus partition t/1: 1 offset from 10 on are in the books of no instance: is a state left out?",
    "bus partition t/2: it is in the books of a and b, and only one may read it",
    "bus partition t/3: 2 offsets from 2 on are in the books of a and b",
  ]);
});
