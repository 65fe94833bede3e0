import assert from "node:assert/strict";
import { compareOffsets, type CountedShare } from "../../src/control/fleet_offsets.ts";
import { readingOf } from "../../src/sources/kafka/holding.ts";

/** @param positions By the number of the partition; a text that is no position of Kafka is another bus. */
function counted(instance: string, positions: Record<number, string>, share?: string): CountedShare {
  const [index, count] = (share ?? "").split("/").map(Number);
  return {
    instance,
    share: share === undefined ? undefined : { index: index!, count: count! },
    partitions: Object.entries(positions).map(([partition, position]) => ({
      name: `bus partition t/${partition}`,
      identity: `kafka id/${partition}`,
      reading: readingOf(position),
    })),
  };
}

Deno.test("offsets that follow each other over the instances are proven", () => {
  const proof = compareOffsets([
    counted("a", { 0: "25 epoch 3 begun 5 read 5-10,20 given 2/3" }, "0/3"),
    counted("b", { 0: "20 epoch 2 begun 5 read 10 given 0/2", 1: "7" }, "1/3"),
    counted("c", { 0: "26 epoch 4 begun 5 read 25", 2: "another bus" }, "2/3"),
  ]);
  assert.deepEqual(proof, { partitions: 3, offsets: 28, faults: [] });
});

Deno.test("what two instances have, or none, is named", () => {
  const { faults } = compareOffsets([
    counted("a", { 0: "10", 1: "10", 2: "another bus", 3: "10" }),
    counted("b", {
      0: "12 epoch 1 read 8",
      1: "12 epoch 1 read 11",
      2: "another bus",
      3: "4 epoch 1 read 2",
    }),
  ]);
  assert.deepEqual(faults, [
    "bus partition t/0: 2 offsets from 8 on are in the books of a and b",
    "bus partition t/1: 1 offset from 10 on are in the books of no instance: is a state left out?",
    "bus partition t/2: it is in the books of a and b, and only one may read it",
    "bus partition t/3: 2 offsets from 2 on are in the books of a and b",
  ]);
});

Deno.test("an instance whose state is not there at all is missed, and so is what only it has read", () => {
  const all = [
    counted("a", { 0: "40 epoch 3 begun 10 read 30" }, "0/3"),
    counted(
      "b",
      { 0: "20 epoch 1 begun 10 read 10 given 2/3", 1: "9 epoch 1 begun 0 read 0 given 2/3" },
      "1/3",
    ),
    counted("c", { 0: "30 epoch 2 begun 10 read 20 given 0/3", 1: "12 epoch 2 begun 0 read 9" }, "2/3"),
  ] as const;
  assert.deepEqual(compareOffsets(all).faults, []);
  const without = (left: number) => compareOffsets(all.filter((_, i) => i !== left)).faults;
  assert.deepEqual(without(0), [
    "the books of instance 0 of 3 are not here: name its state, too",
    "bus partition t/0: from 30 on it was given to instance 0 of 3, whose books are not here",
  ]);
  assert.deepEqual(without(1), [
    "the books of instance 1 of 3 are not here: name its state, too",
    "bus partition t/0: 10 offsets from 10 on are in the books of no instance: is a state left out?",
    "bus partition t/1: 9 offsets from 0 on are in the books of no instance: is a state left out?",
  ]);
  assert.deepEqual(without(2), [
    "the books of instance 2 of 3 are not here: name its state, too",
    "bus partition t/0: 10 offsets from 20 on are in the books of no instance: is a state left out?",
    "bus partition t/1: from 9 on it was given to instance 2 of 3, whose books are not here",
  ]);
});

Deno.test("an instance beyond the count is missed by what it has read, before others too", () => {
  const { faults } = compareOffsets([
    counted("a", { 3: "90 epoch 2 begun 0 read 50" }, "0/3"),
    counted("b", {}, "1/3"),
    counted("c", {}, "2/3"),
  ]);
  assert.deepEqual(faults, [
    "bus partition t/3: 50 offsets from 0 on are in the books of no instance: is a state left out?",
  ]);
});
