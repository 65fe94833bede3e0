import assert from "node:assert/strict";
import type { Partition } from "../../src/contract/source.ts";
import { LogHistory } from "../../src/event/log_history.ts";
import { PartitionState, SourceState } from "../../src/ingest/partition_state.ts";

function partition(source: SourceState, id: string): PartitionState {
  return new PartitionState(source, id, 0, { lineage: "L", position: "5", history: new LogHistory() });
}

Deno.test("a source fails from its first failure on until all of it works", () => {
  const source = new SourceState("bus", 0);
  const [a, b] = [partition(source, "a"), partition(source, "b")];
  const facts = () => [source.isTried, source.failure, source.failingSinceMs];
  assert.deepEqual(facts(), [false, undefined, undefined]);
  assert.deepEqual([source.isOpen, source.isPaused, a.idleMs], [false, false, 0]);
  source.opened();
  assert.equal(source.isOpen, true);
  assert.deepEqual(facts(), [false, undefined, undefined]);
  a.failed("one", 10);
  b.failed("two", 20);
  assert.deepEqual(facts(), [true, "one", 10]);
  source.openFailed("no way in", 30);
  assert.deepEqual(facts(), [true, "no way in", 10]);
  source.opened();
  assert.deepEqual(facts(), [true, "one", 10]);
  a.works();
  assert.deepEqual(facts(), [true, "two", 10]);
  b.left();
  assert.deepEqual(facts(), [true, undefined, undefined]);
  b.failed("again", 40);
  assert.deepEqual(facts(), [true, "again", 40]);
});

Deno.test("a source that cannot be opened was tried, and one whose partition was read", () => {
  const closed = new SourceState("bus", 0);
  closed.openFailed("no way in", 30);
  assert.deepEqual([closed.isTried, closed.failingSinceMs], [true, 30]);
  closed.opened();
  assert.equal(closed.failingSinceMs, undefined);
  const read = new SourceState("bus", 0);
  partition(read, "").works();
  assert.equal(read.isTried, true);
  const left = new SourceState("bus", 0);
  partition(left, "").left();
  assert.equal(left.isTried, false);
});

Deno.test("a partition knows why its last read failed", () => {
  const one = partition(new SourceState("bus", 0), "");
  const failures = [one.failure];
  for (
    const step of [() => one.failed("a", 1), () => one.works(), () => one.failed("b", 2), () => one.left()]
  ) {
    step();
    failures.push(one.failure);
  }
  assert.deepEqual(failures, [undefined, "a", undefined, "b", undefined]);
});

Deno.test("the only partition of a source has the source's name, others theirs beside it", () => {
  const source = new SourceState("bus", 0);
  const [only, third] = [partition(source, ""), partition(source, "3")];
  assert.deepEqual([only.name, only.origin], ["bus", { bus: "bus" }]);
  assert.deepEqual([third.name, third.origin], ["bus partition 3", { bus: "bus", partition: "3" }]);
  assert.deepEqual(third.position, { source: "bus", partition: "3", lineage: "L", position: "5" });
  assert.equal(third.committed, third.progress);
  assert.equal(third.leftGreatestMs, -Infinity);
});

Deno.test("of a paused source, only what can be read again is left for later", () => {
  const source = new SourceState("bus", 0);
  const one = partition(source, "");
  const cases: [isPaused: boolean, replay: Partition["replay"] | undefined, isHeld: boolean][] = [
    [false, undefined, false],
    [false, "none", false],
    [true, undefined, true],
    [true, "none", false],
    [true, "from-position", true],
  ];
  for (const [isPaused, replay, isHeld] of cases) {
    source.isPaused = isPaused;
    one.partition = replay && { replay } as Partition;
    assert.equal(one.isHeld, isHeld, `${isPaused} ${replay}`);
  }
});
