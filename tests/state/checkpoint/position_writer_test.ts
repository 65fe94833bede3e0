import assert from "node:assert/strict";
import { scanReply } from "../../../src/codec/reply_scanner.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { LogHistory } from "../../../src/event/log_history.ts";
import type { CheckpointInput } from "../../../src/state/checkpoint/checkpoint_input.ts";
import { ColumnWriter } from "../../../src/state/checkpoint/columns.ts";
import { readHistory, writeHistory } from "../../../src/state/checkpoint/history_pages.ts";
import { readLeftLineages } from "../../../src/state/checkpoint/lineages.ts";
import type { ReadPartition } from "../../../src/state/checkpoint/partition_position.ts";
import { readPartitions } from "../../../src/state/checkpoint/partitions.ts";
import { PositionWriter } from "../../../src/state/checkpoint/position_writer.ts";
import type { StateDatabase } from "../../../src/state/file/state_database.ts";
import { withState } from "../inside.ts";

/** The fingerprints of the first events of a log. */
function historyOf(count: number): LogHistory {
  const batch = new EventBatch();
  const events = Array.from({ length: count }, (_, i) => ({ name: "a", value: i, timestamp: 1 }));
  scanReply(new TextEncoder().encode(JSON.stringify({ log: "log", offset: 0, next: count, events })), batch);
  const history = new LogHistory();
  history.note(batch, 0);
  return history;
}

/** `a/1` is the partition 1 of the source a, `a` its only one. */
function partition(
  name: string,
  lineage: string | undefined,
  more: Partial<ReadPartition> = {},
): ReadPartition {
  const [source, id = ""] = name.split("/") as [string, string?];
  return {
    ...{ source, partition: id, ordinal: source.charCodeAt(0) - 97, lineage, position: "5" },
    ...{ greatestMs: 7, hasGone: false, history: new LogHistory(), ...more },
  };
}

function write(
  state: StateDatabase,
  writer: PositionWriter,
  partitions: readonly ReadPartition[],
  forgotten: CheckpointInput["forgotten"] = [],
): void {
  const input = { partitions, forgotten, nowMs: 1000 } as Partial<CheckpointInput> as CheckpointInput;
  state.transaction(() => writer.write(input));
  writer.committed(input);
}

/** A writer on a state that has these partitions. */
function writerOn(state: StateDatabase, sources: readonly string[], ...partitions: readonly ReadPartition[]) {
  write(state, new PositionWriter(state, new ColumnWriter()), partitions);
  const writer = new PositionWriter(state, new ColumnWriter());
  return { writer, restored: writer.restore(sources) };
}

const stored = (state: StateDatabase) =>
  readPartitions(state).map(({ source, partition, lineage }) => `${source}/${partition} ${lineage}`);
const left = (state: StateDatabase) => readLeftLineages(state).map(({ lineage }) => lineage).sort();
/** Makes a lineage one that was left, behind the back of the writer. */
const markLeft = (state: StateDatabase, lineage: string) =>
  state.transaction(() => state.run("INSERT OR REPLACE INTO lineage_left VALUES (?, 'mark', 7, 1)", lineage));
const putHistory = (state: StateDatabase, lineage: string) =>
  state.transaction(() => writeHistory(state, lineage, historyOf(3), new ColumnWriter()));
const hasHistory = (state: StateDatabase, lineage: string) => readHistory(state, lineage).isKept;

Deno.test("the first partition of each configured source comes first, then the others; one unknown was not read", () =>
  withState((state) => {
    const { restored } = writerOn(
      state,
      ["c", "b", "a"],
      partition("a", "LA"),
      partition("b/1", "LB1", { greatestMs: -Infinity }),
      partition("b/2", undefined, { position: undefined }),
      partition("b/3", "LB3"),
      partition("x", "LX"),
    );
    const common = { position: "5", greatestMs: 7 };
    assert.deepEqual(restored, [
      {
        source: "c",
        partition: "",
        ordinal: 0,
        lineage: undefined,
        position: undefined,
        greatestMs: -Infinity,
      },
      { source: "b", partition: "1", ordinal: 1, lineage: "LB1", position: "5", greatestMs: -Infinity },
      { source: "a", partition: "", ordinal: 2, lineage: "LA", ...common },
      { source: "b", partition: "2", ordinal: 1, lineage: undefined, position: undefined, greatestMs: 7 },
      { source: "b", partition: "3", ordinal: 1, lineage: "LB3", ...common },
    ]);
  }));

Deno.test("lineages of sources that are configured no more are known, with the name that their ids are stored under", () =>
  withState((state) => {
    markLeft(state, "left");
    const { writer } = writerOn(
      state,
      ["a"],
      partition("a", "LA"),
      partition("x", "LX"),
      partition("y", undefined),
    );
    assert.deepEqual(writer.leftLineage("LX"), { lineage: "LX", position: "5", greatestMs: 7, source: "x" });
    assert.deepEqual(writer.leftLineage("left"), {
      lineage: "left",
      position: "mark",
      greatestMs: 7,
      source: undefined,
    });
    assert.equal(writer.leftLineage("LA"), undefined);
  }));

Deno.test("a lineage that is left is known at once, and written once; none is nothing to remember", () =>
  withState((state) => {
    const { writer } = writerOn(state, ["a"], partition("a", "LA"));
    writer.leave({ source: "a", partition: "", lineage: undefined, position: "5" }, 7);
    writer.leave({ source: "a", partition: "", lineage: "one", position: undefined }, -Infinity);
    writer.leave({ source: "a", partition: "", lineage: "two", position: "9" }, 8);
    const one = { lineage: "one", position: null, greatestMs: null, source: undefined };
    assert.deepEqual(writer.leftLineage("one"), one);
    assert.deepEqual(left(state), []);
    write(state, writer, []);
    assert.deepEqual(readLeftLineages(state).map((each) => ({ ...each })), [
      one,
      { lineage: "two", position: "9", greatestMs: 8, source: undefined },
    ]);
    markLeft(state, "one");
    write(state, writer, []);
    assert.equal(readLeftLineages(state).find(({ lineage }) => lineage === "one")!.position, "mark");
  }));

Deno.test("a lineage that a partition takes is no other partition's any more, nor are the ids of its earlier source", () =>
  withState((state) => {
    const { writer } = writerOn(
      state,
      ["a", "b"],
      partition("a", "LA"),
      partition("b", "LB"),
      partition("x", "LX"),
    );
    const putIds = (source: string) =>
      state.transaction(() =>
        state.seal.put("recent_ids", { source, last_sequence: 1, ids: new Uint8Array(16) })
      );
    for (const source of ["a", "x"]) putIds(source);
    write(state, writer, [partition("b", "LX", { hasGone: true })]);
    assert.deepEqual(stored(state), ["a/ LA", "b/ LX", "x/ LX"], "one that has gone takes nothing");
    assert.notEqual(writer.leftLineage("LX"), undefined);
    write(state, writer, [partition("a", "LX")]);
    assert.deepEqual(stored(state), ["a/ LX"]);
    assert.equal(writer.leftLineage("LX"), undefined);
    const sources = state.all<{ source: string }>("SELECT source FROM recent_ids").map(({ source }) =>
      source
    );
    assert.deepEqual(sources, ["a"]);
  }));

Deno.test("a lineage is taken where it is new to its partition, or was left meanwhile, and not at each checkpoint", () =>
  withState((state) => {
    const { writer } = writerOn(state, ["a"], partition("a", "LA"));
    const isTaken = () => {
      markLeft(state, "LA");
      write(state, writer, [partition("a", "LA")]);
      return !left(state).includes("LA");
    };
    assert.equal(isTaken(), false, "it was its own before");
    writer.leave({ source: "a", partition: "", lineage: "LA", position: "5" }, 7);
    assert.equal(isTaken(), true);
    assert.equal(isTaken(), false);
    write(state, writer, [partition("a", "other")]);
    assert.equal(isTaken(), true);
    write(state, writer, [], [{ source: "a", partition: "" }]);
    assert.deepEqual(stored(state), []);
    assert.equal(isTaken(), true, "it was forgotten");
  }));

Deno.test("fingerprints are kept with their lineage, and saved once", () =>
  withState((state) => {
    const { writer } = writerOn(state, ["a", "b"]);
    const history = historyOf(3);
    write(state, writer, [
      partition("a", "LA", { history }),
      partition("b", undefined, { history: historyOf(3) }),
    ]);
    assert.equal(readHistory(state, "LA").size, 3);
    assert.equal(history.unsaved().areSamplesSaved, true);
    assert.equal(state.all("SELECT DISTINCT lineage FROM history").length, 1);
  }));

Deno.test("fingerprints that are nobody's are dropped after a start, and when a partition has another lineage or is forgotten", () =>
  withState((state) => {
    const { writer } = writerOn(state, ["a", "b"], partition("a", "LA"), partition("b", "LB"));
    const isDroppedBy = (work: () => void) => {
      putHistory(state, "stray");
      work();
      return !hasHistory(state, "stray");
    };
    assert.equal(isDroppedBy(() => write(state, writer, [])), true);
    assert.equal(isDroppedBy(() => write(state, writer, [partition("a", "LA")])), false);
    assert.equal(isDroppedBy(() => write(state, writer, [partition("a", "new")])), true);
    assert.equal(isDroppedBy(() => write(state, writer, [partition("a", "new")])), false);
    assert.equal(isDroppedBy(() => write(state, writer, [], [{ source: "b", partition: "" }])), true);
    putHistory(state, "new");
    assert.equal(isDroppedBy(() => write(state, writer, [partition("b", "LB")])), true);
    assert.equal(hasHistory(state, "new"), true, "a partition has it");
  }));
