import assert from "node:assert/strict";
import {
  acceptedBelow,
  acceptSink,
  raiseAlarm,
  readAlarms,
  settleAlarms,
  told,
  wayOut,
} from "../../src/state/alarms.ts";
import { readAudit } from "../../src/state/audit.ts";
import type { StateDatabase } from "../../src/state/file/state_database.ts";
import { withState } from "./inside.ts";

const ORDER = { who: "alice", atMs: 5, action: "verify", detail: "--sink x" };
const missing = (count: number, detail = "gone") => ({ kind: "rows_missing", detail, count }) as const;
const differing = (count: number, detail = "not ours") => ({ kind: "rows_differ", detail, count }) as const;

const standing = (state: StateDatabase) =>
  readAlarms(state).map(({ sink, kind, detail, count, sinceMs }) =>
    `${sink} ${kind} ${count} since ${sinceMs}: ${detail}`
  );
const results = (state: StateDatabase) => readAudit(state, 9).map(({ result }) => result);

Deno.test("an alarm stands since it was first raised, with its latest words, each sink and kind for itself", () =>
  withState((state) => {
    assert.equal(raiseAlarm(state, "y", missing(3), 1), true);
    assert.equal(raiseAlarm(state, "x", missing(3), 2), true);
    assert.equal(raiseAlarm(state, "x", differing(4), 3), true);
    assert.equal(raiseAlarm(state, "x", differing(2, "others"), 4), false);
    assert.equal(raiseAlarm(state, "x", missing(2, "fewer"), 5), false);
    assert.deepEqual(standing(state), [
      "x rows_differ 6 since 3: others",
      "x rows_missing 3 since 2: fewer",
      "y rows_missing 3 since 1: gone",
    ], "the same rows are found missing again, but differing ones are others");
    raiseAlarm(state, "x", missing(9), 6);
    assert.equal(readAlarms(state)[1]!.count, 9);
  }));

Deno.test("the alarms of a sink are settled together, and the order that did it is noted where there was one", () =>
  withState((state) => {
    for (const sink of ["x", "y"]) {
      for (const alarm of [missing(1), differing(1)]) raiseAlarm(state, sink, alarm, 1);
    }
    settleAlarms(state, "none", ORDER);
    assert.deepEqual([standing(state).length, results(state)], [4, []]);
    settleAlarms(state, "x", ORDER);
    assert.deepEqual(readAlarms(state).map(({ sink }) => sink), ["y", "y"]);
    assert.deepEqual(results(state), ["proven; 2 alarms settled"]);
    settleAlarms(state, "y");
    assert.deepEqual([standing(state), results(state).length], [[], 1]);
  }));

Deno.test("a sink that is taken as it is has no alarm, and needs none of the rows before", () =>
  withState((state) => {
    raiseAlarm(state, "x", missing(1), 1);
    raiseAlarm(state, "y", differing(1), 1);
    assert.equal(acceptedBelow(state, "x"), 0);
    assert.equal(acceptSink(state, "x", 7, ORDER), 1);
    assert.deepEqual([acceptedBelow(state, "x"), acceptedBelow(state, "y")], [7, 0]);
    assert.deepEqual(readAlarms(state).map(({ sink }) => sink), ["y"]);
    assert.equal(acceptSink(state, "x", 9), 0);
    assert.equal(acceptedBelow(state, "x"), 9);
    assert.deepEqual(results(state), ["taken as it is; 1 alarm settled"]);
  }));

Deno.test("an alarm is told in one line, with what to do about its kind", () => {
  assert.equal(
    told({ sink: "x", sinceMs: 0, ...missing(1) }),
    "x, since 1970-01-01T00:00:00.000Z: gone (1 row at least). What to do: verify names what is missing, " +
      "redeliver --sink x --since T writes again what the state still has; or, where it is meant to be so, " +
      "run --accept-sink x",
  );
  assert.match(
    wayOut("x", "rows_differ"),
    /^find out who else writes there; .* this state's numbers again; or/,
  );
});
