/** What is written and kept in memory of partitions that come, go and come back. */
import assert from "node:assert/strict";
import type { EventAggregator } from "../../src/aggregation/event_aggregator.ts";
import { type Partition, type Progress, SourceError } from "../../src/contract/source.ts";
import { LogHistory } from "../../src/event/log_history.ts";
import { Partitions } from "../../src/ingest/partitions.ts";
import type { Checkpoint } from "../../src/state/checkpoint/checkpoint.ts";

const NEVER = new AbortController().signal;

/** The partitions of two sources of which nothing is known yet. */
function scene() {
  const greatestMs = new Map<number, number>();
  const calls: unknown[][] = [];
  let numbers = 0;
  const watermark = {
    capCount: 0,
    greatestOf: (number: number) => greatestMs.get(number) ?? -Infinity,
    remove: (number: number) => calls.push(["remove", number]),
    setIdle: (number: number, isIdle: boolean) => calls.push(["idle", number, isIdle]),
  };
  const addPartition = (ordinal: number, ms: number) => {
    calls.push(["add", ordinal, ms]);
    return numbers++;
  };
  const stored = new LogHistory();
  const checkpoint = {
    leave: (number: number, { lineage, position }: Progress) =>
      calls.push(["leave", number, lineage, position]),
    historyOf: (lineage: string | undefined) => {
      calls.push(["history", lineage]);
      return stored;
    },
    leftLineage: () => undefined,
  } as unknown as Checkpoint;
  const aggregator = { watermark, addPartition } as unknown as EventAggregator;
  const partitions = new Partitions(["one", "two"], [], checkpoint, aggregator);
  const [one, two] = partitions.sources as [typeof partitions.sources[0], typeof partitions.sources[0]];
  const told: (readonly [id: string, position: string | undefined])[] = [];
  const handle = (id: string): Partition => ({
    ...{ id, replay: "from-position", readMaxMs: 0 },
    read: () => Promise.reject(new Error("nobody reads")),
    committed: ({ position }) => Promise.resolve(void told.push([id, position])),
  });
  const attach = (id: string, source = one) => partitions.attach(source, handle(id));
  const moveTo = (number: number, lineage: string | undefined, position: string) =>
    partitions.moveTo(number, { lineage, position, history: new LogHistory() });
  /** What a checkpoint writes now. */
  const written = () => {
    const { forgotten, partitions: all } = partitions.forCheckpoint();
    const told = all.map(({ greatestMs, hasGone, partition, position }) =>
      [partition, position, greatestMs, hasGone] as const
    );
    return { partitions: told, forgotten: forgotten.map(({ partition }) => partition) };
  };
  const commit = () => {
    const all = written();
    partitions.committed();
    return all;
  };
  return {
    attach,
    calls,
    commit,
    greatestMs,
    handle,
    moveTo,
    one,
    partitions,
    stored,
    told,
    two,
    watermark,
    written,
  };
}

const NOTHING = { partitions: [], forgotten: [] };

Deno.test("a partition that comes begins anew, and is written and told once", () => {
  const { attach, calls, commit, moveTo, partitions, told, two } = scene();
  assert.equal(attach("a", two), 0);
  assert.deepEqual(calls, [["add", 1, -Infinity]]);
  assert.deepEqual(told.splice(0), [["a", undefined]]);
  assert.equal(partitions.hasMoved, false);
  assert.deepEqual(commit(), { partitions: [["a", undefined, -Infinity, false]], forgotten: [] });
  told.splice(0);
  assert.deepEqual(commit(), NOTHING);
  moveTo(0, "L", "5");
  assert.equal(partitions.hasMoved, true);
  assert.notEqual(partitions.states[0]!.committed, partitions.states[0]!.progress);
  commit();
  assert.deepEqual([partitions.hasMoved, told], [false, [["a", "5"]]]);
  assert.equal(partitions.states[0]!.committed, partitions.states[0]!.progress);
});

Deno.test("a partition that goes is written where it stood, and told once more", () => {
  const { attach, calls, commit, greatestMs, moveTo, one, partitions, told } = scene();
  attach("a");
  moveTo(0, "L", "5");
  greatestMs.set(0, 777);
  one.partitions.get("a")!.failed("away", 1);
  calls.splice(0);
  partitions.detach(0);
  greatestMs.delete(0);
  assert.deepEqual(calls, [["leave", 0, "L", "5"], ["remove", 0]]);
  assert.deepEqual([one.failure, one.partitions.size, partitions.states[0]], [undefined, 0, undefined]);
  told.splice(0);
  assert.deepEqual(commit(), { partitions: [["a", "5", 777, true]], forgotten: [] });
  assert.deepEqual(told.splice(0), [["a", "5"]]);
  assert.deepEqual([commit(), told], [NOTHING, []]);
});

Deno.test("a partition that comes back goes on where it was, with its fingerprints from memory or from disk", () => {
  for (const when of ["before it is written", "after that", "though it had been written before"]) {
    const { attach, calls, commit, greatestMs, moveTo, one, partitions, stored, told } = scene();
    attach("a");
    moveTo(0, "L", "5");
    greatestMs.set(0, 777);
    partitions.wasIdleFor(0, 60, 100);
    if (when.startsWith("though")) commit();
    const { history } = one.partitions.get("a")!.progress;
    partitions.detach(0);
    if (when === "after that") commit();
    calls.splice(0);
    told.splice(0);
    assert.equal(attach("a"), 1);
    const isOnDisk = when !== "before it is written";
    assert.deepEqual(calls, [...(isOnDisk ? [["history", "L"]] : []), ["add", 0, 777]], when);
    const { committed, progress } = partitions.states[1]!;
    assert.deepEqual([progress.lineage, progress.position], ["L", "5"]);
    assert.equal(progress.history, isOnDisk ? stored : history);
    assert.equal(committed === progress, isOnDisk);
    assert.deepEqual(told, [["a", isOnDisk ? "5" : undefined]]);
    calls.splice(0);
    partitions.wasIdleFor(1, 99, 100);
    assert.deepEqual(calls, [], "it was not idle before");
    partitions.wasIdleFor(1, 1, 100);
    assert.deepEqual(calls, [["idle", 1, true]]);
    assert.deepEqual(commit().partitions.map(([id, position, , hasGone]) => [id, position, hasGone]), [[
      "a",
      "5",
      false,
    ]]);
    partitions.detach(1);
    assert.deepEqual(commit().forgotten, []);
  }
});

Deno.test("a partition that goes before anything was read of it is forgotten, unless it comes back at once", () => {
  const { attach, commit, partitions, written } = scene();
  attach("a");
  commit();
  partitions.detach(0);
  assert.deepEqual(written(), { partitions: [], forgotten: ["a"] });
  attach("a");
  assert.deepEqual(commit(), { partitions: [["a", undefined, -Infinity, false]], forgotten: [] });
  partitions.detach(1);
  assert.deepEqual(commit().forgotten, ["a"]);
  assert.deepEqual(commit(), NOTHING);
  attach("b");
  partitions.detach(2);
  assert.deepEqual(commit(), { partitions: [], forgotten: ["b"] }, "it was never written");
});

Deno.test("a position alone is worth remembering, and so is a lineage alone", () => {
  for (const [lineage, position] of [[undefined, "5"], ["L", undefined]] as const) {
    const { attach, commit, partitions } = scene();
    attach("a");
    partitions.moveTo(0, { lineage, position, history: new LogHistory() });
    partitions.detach(0);
    assert.deepEqual(commit(), { partitions: [["a", position, -Infinity, true]], forgotten: [] });
  }
});

Deno.test("of very many partitions that have gone, the ones that went first are forgotten", () => {
  const { attach, commit, moveTo, partitions } = scene();
  const come = (id: number) => {
    const number = attach(`${id}`);
    moveTo(number, undefined, "5");
    partitions.detach(number);
  };
  for (let id = 0; id < 10_000; id++) come(id);
  assert.deepEqual(commit().forgotten, []);
  come(10_000);
  come(10_001);
  assert.deepEqual(commit(), {
    partitions: [["10000", "5", -Infinity, true], ["10001", "5", -Infinity, true]],
    forgotten: ["0", "1"],
  });
  attach("1");
  assert.deepEqual(commit().partitions, [["1", undefined, -Infinity, false]], "it begins anew");
});

Deno.test("a partition that has gone is forgotten when another one reads its history, and no other is", () => {
  const { attach, commit, moveTo, partitions } = scene();
  for (const [number, id] of ["a", "b"].entries()) {
    attach(id);
    moveTo(number, `of ${id}`, "5");
    partitions.detach(number);
  }
  partitions.takenOver("of a");
  assert.deepEqual(commit().partitions.map(([id]) => id), ["b"]);
  attach("a");
  attach("b");
  assert.deepEqual(commit().partitions.map(([id, position]) => [id, position]), [["a", undefined], [
    "b",
    "5",
  ]]);
});

Deno.test("all partitions are written once when their event times have been capped", () => {
  const { attach, commit, partitions, watermark } = scene();
  for (const id of ["a", "b", "c"]) attach(id);
  partitions.detach(1);
  commit();
  watermark.capCount++;
  assert.deepEqual(commit().partitions.map(([id]) => id), ["a", "c"]);
  assert.deepEqual(commit(), NOTHING);
});

Deno.test("who reads a history is asked what it would read now, once it is open", async () => {
  const { attach, moveTo, one, partitions, two } = scene();
  attach("a");
  moveTo(0, "L", "5");
  const lineages = partitions.lineagesFor(two);
  assert.equal(lineages.readerOf("other", "x"), undefined);
  assert.equal(partitions.lineagesFor(one).readerOf("L", "a"), undefined, "it reads that itself");
  const reader = lineages.readerOf("L", "x")!;
  assert.equal(reader.name, "one partition a");
  assert.equal(await reader.lineageNow(NEVER), "L", "it does not say");
  const state = partitions.states[0]!;
  state.partition = { ...state.partition!, lineageNow: () => Promise.resolve("another") };
  assert.equal(await reader.lineageNow(NEVER), "another");
  state.partition = undefined;
  await assert.rejects(reader.lineageNow(NEVER), (error: SourceError) => {
    assert.deepEqual([error.kind, error.message], ["unavailable", "one partition a: it is not open yet"]);
    return true;
  });
});
