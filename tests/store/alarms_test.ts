import assert from "node:assert/strict";
import { acceptedBelow, acceptSink, raiseAlarm, readAlarms, settleAlarms } from "../../src/store/alarms.ts";
import type { StateDatabase } from "../../src/store/state_database.ts";
import type { SinkAlarmKind } from "../../src/sinks/sink.ts";
import { Inside, inTemporaryDirectory } from "./inside.ts";

const MISSING: SinkAlarmKind = "rows_missing";
const DIFFER: SinkAlarmKind = "rows_differ";

function withState(work: (state: StateDatabase) => void): void {
  inTemporaryDirectory((directory) => {
    const { state } = new Inside(directory);
    work(state);
    state.close();
  });
}

const raise = (state: StateDatabase, sink: string, kind: SinkAlarmKind, count: number, nowMs: number) =>
  raiseAlarm(state, sink, { kind, detail: `${count} at ${nowMs}`, count }, nowMs);
const standing = (state: StateDatabase) =>
  readAlarms(state).map(({ sink, kind, count, sinceMs, detail }) => [sink, kind, count, sinceMs, detail]);

Deno.test("an alarm stands since it was first raised, for its sink and its kind alone", () =>
  withState((state) => {
    assert.equal(raise(state, "a", DIFFER, 1, 10), true);
    assert.equal(raise(state, "b", DIFFER, 5, 20), true);
    assert.equal(raise(state, "a", MISSING, 7, 30), true);
    assert.equal(raise(state, "a", DIFFER, 2, 40), false);
    assert.equal(raise(state, "a", MISSING, 4, 50), false);
    assert.deepEqual(standing(state), [
      ["a", DIFFER, 3, 10, "2 at 40"],
      ["a", MISSING, 7, 30, "4 at 50"],
      ["b", DIFFER, 5, 20, "5 at 20"],
    ]);
    raise(state, "a", MISSING, 9, 60);
    assert.equal(readAlarms(state).find(({ kind }) => kind === MISSING)!.count, 9);
    assert.equal(settleAlarms(state, "a"), 2);
    assert.equal(settleAlarms(state, "a"), 0);
    assert.deepEqual(standing(state), [["b", DIFFER, 5, 20, "5 at 20"]]);
  }));

Deno.test("an operator's word takes one sink as it is, from where it stands", () =>
  withState((state) => {
    raise(state, "a", MISSING, 1, 10);
    raise(state, "b", MISSING, 1, 10);
    assert.equal(acceptedBelow(state, "a"), 0);
    assert.equal(acceptSink(state, "a", 17), 1);
    assert.equal(acceptSink(state, "a", 23), 0);
    assert.deepEqual([acceptedBelow(state, "a"), acceptedBelow(state, "b")], [23, 0]);
    assert.deepEqual(readAlarms(state).map(({ sink }) => sink), ["b"]);
  }));
