/** The small tables that a checkpoint writes, each by itself. */
import assert from "node:assert/strict";
import { DroppedWindows } from "../../../src/aggregation/dropped_windows.ts";
import { addToBookEntry, latestMs, readBookEntries } from "../../../src/state/checkpoint/book_entries.ts";
import { readDroppedWindows, writeDroppedWindows } from "../../../src/state/checkpoint/dropped_windows.ts";
import { readLeftLineages, writeLeftLineages } from "../../../src/state/checkpoint/lineages.ts";
import {
  forgetPartition,
  offsetOf,
  type PartitionRow,
  readPartitions,
  takeLineage,
  writePartition,
} from "../../../src/state/checkpoint/partitions.ts";
import { readSetting, SettingWriter } from "../../../src/state/checkpoint/settings_in_force.ts";
import { addressText, readAddresses, renameSources } from "../../../src/state/checkpoint/source_names.ts";
import { addRouted, addTo, routedByLength } from "../../../src/state/outbox/sink_tiers.ts";
import { commitsOf } from "../../../src/state/file/seal.ts";
import type { StateDatabase } from "../../../src/state/file/state_database.ts";
import { withState } from "../inside.ts";

Deno.test("what is added to an entry of the books is added to what it was", () =>
  withState((state) => {
    const value = () => readBookEntries(state).get("lost");
    state.transaction(() => addToBookEntry(state, "lost", 0));
    assert.equal(value(), undefined);
    state.transaction(() => addToBookEntry(state, "lost", 3));
    state.transaction(() => addToBookEntry(state, "lost", 4));
    assert.equal(value(), 7);
    assert.equal(latestMs(new Map()), undefined);
    assert.equal(latestMs(new Map([["checkpoint_at_ms", 5]])), 5);
    assert.equal(latestMs(new Map([["checkpoint_at_ms", 5], ["clock_latest_ms", 9]])), 9);
  }));

Deno.test("what was routed is added by the length of windows, and read in its order", () =>
  withState((state) => {
    state.transaction(() => {
      addRouted(state, "x", 60_000, 5);
      addRouted(state, "x", 1000, 2);
      addRouted(state, "x", 60_000, -1);
      addRouted(state, "x", 5000, 0);
      addRouted(state, "y", 1000, 9);
    });
    assert.deepEqual([...routedByLength(state, "x")], [[1000, 2], [60_000, 4]]);
    assert.deepEqual([...routedByLength(state, "y")], [[1000, 9]]);
    const amounts = new Map<number, number>();
    addTo(amounts, 1000, 2);
    addTo(amounts, 1000, 3);
    addTo(amounts, 2000, 0);
    assert.deepEqual([...amounts], [[1000, 5]]);
  }));

Deno.test("deleted windows come back as they were, also those from before 1970", () =>
  withState((state) => {
    for (
      const dropped of [
        new DroppedWindows(),
        new DroppedWindows(new Map(), [{ startMs: 0, endMs: 5 }, { startMs: 9, endMs: 12 }]),
        new DroppedWindows(
          new Map([[60_000, [{ startMs: -60_000, endMs: -5 }, { startMs: 9, endMs: 12 }]], [7, [{
            startMs: 0,
            endMs: 7,
          }]]]),
          [{ startMs: 1, endMs: 2 }],
        ),
      ]
    ) {
      state.transaction(() => writeDroppedWindows(state, dropped));
      assert.deepEqual(readDroppedWindows(state, 0), dropped);
    }
    for (const text of ["x", "5", "1-2,3-4", "1-2;60000", "1-2;x:1-2", "1-2;6:1", "0-1 "]) {
      state.run("UPDATE meta SET value = ? WHERE key = 'dropped_windows'", text);
      assert.throws(() => readDroppedWindows(state, 0), { kind: "damaged" }, text);
    }
  }));

Deno.test("of a state of before, the time up to which windows were final counts, no further than the clock", () =>
  withState((state) => {
    assert.deepEqual(readDroppedWindows(state, 500), new DroppedWindows());
    state.transaction(() => addToBookEntry(state, "final_ms", 400));
    for (const [nowMs, endMs] of [[500, 400], [300, 300]] as const) {
      assert.deepEqual(
        readDroppedWindows(state, nowMs),
        new DroppedWindows(new Map(), [{ startMs: 0, endMs }]),
      );
    }
  }));

Deno.test("a hundred left lineages are remembered, the newest ones", () =>
  withState((state) => {
    const leave = (name: string, nowMs: number, position: string | null = "5") =>
      state.transaction(() =>
        writeLeftLineages(state, [{ lineage: name, position, greatestMs: 7, source: "bus" }], nowMs)
      );
    leave("old", 1, null);
    assert.deepEqual(readLeftLineages(state).map((left) => ({ ...left })), [
      { lineage: "old", position: null, greatestMs: 7, source: undefined },
    ]);
    leave("again", 2);
    for (let i = 0; i < 98; i++) leave(`n${i}`, 10 + i);
    leave("again", 3, "9");
    assert.equal(readLeftLineages(state).length, 100);
    leave("new", 200);
    const names = readLeftLineages(state).map(({ lineage }) => lineage);
    assert.equal(names.length, 100);
    assert.equal(names.includes("old"), false);
    assert.equal(readLeftLineages(state).find(({ lineage }) => lineage === "again")?.position, "9");
  }));

Deno.test("settings in force are written where they have changed, and told apart from none", () =>
  withState((state) => {
    const of = (functions: string, paused = "a") =>
      new Map([["AGG_FUNCTIONS", functions], ["PAUSED", paused]] as const);
    const writer = new SettingWriter(state);
    assert.equal(writer.hasChanged(of("1")), false, "there was none before");
    const write = (settings: ReturnType<typeof of>, one = writer) => {
      state.transaction(() => one.write(settings));
      one.committed(settings);
    };
    write(of("1"));
    assert.equal(readSetting(state, "AGG_FUNCTIONS"), "1");
    assert.equal(readSetting(state, "SHARE"), undefined);
    assert.equal(writer.hasChanged(of("1")), false);
    assert.equal(writer.hasChanged(of("2")), true);
    assert.equal(writer.hasChanged(of("1", "b")), true);
    const next = new SettingWriter(state);
    assert.equal(next.hasChanged(of("1")), false);
    assert.equal(next.hasChanged(of("2")), true);
    state.run("UPDATE setting_in_force SET value = 'mark' WHERE name = 'PAUSED'");
    write(of("3"), next);
    assert.deepEqual([readSetting(state, "AGG_FUNCTIONS"), readSetting(state, "PAUSED")], ["3", "mark"]);
  }));

const row = (source: string, partition = "", lineage: string | null = "L"): PartitionRow => ({
  source,
  partition,
  lineage,
  position: "5",
  greatest_ms: 7,
});

const names = (state: StateDatabase) =>
  readPartitions(state).map(({ source, partition, lineage }) => `${source}/${partition}/${lineage}`);

Deno.test("partitions come in the order of the configuration, and a lineage is in one place only", () =>
  withState((state) => {
    state.transaction(() => {
      writePartition(state, row("b", "2", "L1"), 0);
      writePartition(state, row("b", "1", "L2"), 0);
      writePartition(state, row("a", "", "L3"), 1);
      writePartition(state, row("a", "9", null), 1);
    });
    assert.deepEqual(readPartitions(state).map((one) => ({ ...one }))[0], row("b", "1", "L2"));
    assert.deepEqual(names(state), ["b/1/L2", "b/2/L1", "a//L3", "a/9/null"]);
    state.run("INSERT INTO lineage_left VALUES ('L1', '5', 7, 1), ('L9', '5', 7, 1)");
    state.transaction(() => takeLineage(state, { ...row("a", "2"), lineage: "L1" }));
    assert.deepEqual(names(state), ["b/1/L2", "a//L3", "a/9/null"]);
    assert.deepEqual(readLeftLineages(state).map(({ lineage }) => lineage), ["L9"]);
    state.transaction(() => takeLineage(state, { ...row("b", "1"), lineage: "L2" }));
    assert.deepEqual(names(state), ["b/1/L2", "a//L3", "a/9/null"], "it is its own");
    state.transaction(() => forgetPartition(state, row("a", "9")));
    state.transaction(() => forgetPartition(state, row("b", "")));
    assert.deepEqual(names(state), ["b/1/L2", "a//L3"]);
  }));

Deno.test("a position is an offset where it is a whole number that is exact", () => {
  const positions = [
    undefined,
    "",
    "0",
    "17",
    "17 epoch 3",
    "17 epoch x",
    "17 x",
    "-1",
    "1.5",
    "9007199254740991",
  ];
  assert.deepEqual(positions.map(offsetOf), [
    undefined,
    undefined,
    0,
    17,
    17,
    undefined,
    undefined,
    undefined,
    undefined,
    Number.MAX_SAFE_INTEGER,
  ]);
  assert.equal(offsetOf("9007199254740992"), undefined);
});

Deno.test("a source that has a new name keeps what is its own", () =>
  withState((state) => {
    state.transaction(() => {
      writePartition(state, row("http://a"), 0);
      writePartition(state, row("two", "", "L2"), 1);
      state.seal.put("recent_ids", { source: "http://a", last_sequence: 3, ids: new Uint8Array(1) });
      for (const source of ["http://a", "two"]) {
        state.seal.put("dead_letter", { refused_at_ms: 1, reason: "late", detail: "", source, purged: 0 });
      }
    });
    assert.deepEqual([...readAddresses(state)], [["http://a", "http://a"], ["two", "two"]]);
    const configured = new Map([["one", "http://a"], ["two", "http://b"], ["three", "http://c"]]);
    assert.deepEqual([...renameSources(state, configured)], [["http://a", "one"]]);
    assert.deepEqual(names(state), ["one//L", "two//L2"]);
    const sources = (table: string) =>
      state.all<{ source: string }>(`SELECT source FROM ${table} ORDER BY source`).map(({ source }) =>
        source
      );
    assert.deepEqual(sources("recent_ids"), ["one"]);
    assert.deepEqual(sources("dead_letter"), ["one", "two"]);
    assert.deepEqual([...readAddresses(state)], [["one", "http://a"], ["two", "http://b"]]);
    assert.deepEqual(JSON.parse(addressText(state, new Map([["two", "http://d"]]))), {
      one: "http://a",
      two: "http://d",
    });
    const commits = commitsOf(state);
    assert.deepEqual([...renameSources(state, configured)], [], "a second time there is nothing to do");
    assert.equal(commitsOf(state), commits);
    const other = new Map([["one", "http://b"], ["four", "http://b"]]);
    assert.deepEqual([...renameSources(state, other)], [["two", "four"]], "a name that is known stays");
  }));
