import assert from "node:assert/strict";
import { type NamedSeries, Renames, type Turn } from "../../../src/runtime/renames/renames.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const T = 1_700_000_040_000;

function series(name: string, line?: string): NamedSeries {
  return line === undefined ? { name } : { name, labels: `{"line":"${line}"}` };
}

function turn(given: Partial<Turn>): Turn {
  return { begun: [], beganMs: T, stopped: [], stoppedMs: T, lengthMs: MINUTE_MS, ...given };
}

/** The pairs that are found in these turns, as text. */
function found(turns: readonly Partial<Turn>[], nowMs = T + MINUTE_MS): string[] {
  const renames = new Renames();
  for (const one of turns) renames.note(turn(one));
  return renames.all(nowMs).map(({ from, to }) => `${from.name} ${to.name}`);
}

Deno.test("a series that began when one with the same labels stopped may be that one", () => {
  const stopped = [series("plant7.oven", "4")];
  assert.deepEqual(found([{ stopped, begun: [series("werk.ofen", "4")] }]), ["plant7.oven werk.ofen"]);
  assert.deepEqual(found([{ stopped, begun: [series("werk.ofen", "5"), series("werk.ofen")] }]), []);
  assert.deepEqual(found([{ stopped }, { begun: [series("werk.ofen", "4")], stoppedMs: 0 }]), [
    "plant7.oven werk.ofen",
  ], "in another turn");
});

Deno.test("the one may begin in the other's last window, or some minutes or three windows later", () => {
  const pair = (afterMs: number, lengthMs = MINUTE_MS) =>
    found([{
      stopped: [series("a", "4")],
      begun: [series("b", "4")],
      beganMs: T + afterMs,
      lengthMs,
    }]).length;
  assert.deepEqual([-60_001, -60_000, 300_000, 300_001].map((ms) => pair(ms)), [0, 1, 1, 0]);
  assert.deepEqual([10_800_000, 10_800_001].map((ms) => pair(ms, 3_600_000)), [1, 0]);
});

Deno.test("several with the same labels are matched by the order of their names, each once", () => {
  const stopped = ["plant7.power", "plant7.flow", "plant7.heat"].map((name) => series(name, "4"));
  const begun = ["werk.heat", "werk.flow"].map((name) => series(name, "4"));
  assert.deepEqual(found([{ stopped, begun }]), ["plant7.flow werk.flow", "plant7.heat werk.heat"]);
});

Deno.test("without labels, as many must have begun as have stopped, within a window", () => {
  const stopped = [series("plant7.b"), series("plant7.a")];
  const begun = [series("werk.b"), series("werk.a")];
  assert.deepEqual(found([{ stopped, begun }]), ["plant7.a werk.a", "plant7.b werk.b"]);
  assert.deepEqual(found([{ stopped, begun: [...begun, series("werk.c")] }]), []);
  assert.deepEqual(found([{ stopped, begun, beganMs: T + MINUTE_MS }]).length, 2);
  assert.deepEqual(found([{ stopped, begun, beganMs: T + MINUTE_MS + 1 }]), []);
});

Deno.test("a series may go on with other labels: as many of its name must have begun as have stopped", () => {
  const labels = (turns: Partial<Turn>) => {
    const renames = new Renames();
    renames.note(turn(turns));
    return renames.all(T).map(({ from, to }) => `${from.name} ${from.labels} ${to.labels}`);
  };
  const stopped = [series("oven", "1"), series("oven", "2")];
  const begun = [series("oven", "B"), series("oven", "A")];
  assert.deepEqual(labels({ stopped, begun }), [
    'oven {"line":"1"} {"line":"A"}',
    'oven {"line":"2"} {"line":"B"}',
  ]);
  assert.deepEqual(labels({ stopped: [series("oven")], begun: [series("oven", "A")] }), [
    'oven undefined {"line":"A"}',
  ]);
  assert.deepEqual(labels({ stopped, begun: [...begun, series("oven", "C")] }), []);
  assert.deepEqual(labels({ stopped, begun, beganMs: T + MINUTE_MS + 1 }), []);
  // The same labels say more than the same name.
  assert.deepEqual(
    labels({ stopped: [series("oven", "1")], begun: [series("oven", "2"), series("press", "1")] }),
    [
      'oven {"line":"1"} {"line":"1"}',
    ],
  );
});

Deno.test("one that comes back was not renamed, and one that never lasted has no other name", () => {
  const old = series("plant7.oven", "4");
  const young = series("job-1", "4");
  const both = { stopped: [old], begun: [young] };
  assert.deepEqual(found([both, { begun: [old], stoppedMs: T + 1 }]), []);
  assert.deepEqual(found([{ stopped: [old], begun: [old] }]), [], "it has got another function");
  assert.deepEqual(found([both, { stopped: [young], begun: [series("job-2", "4")] }]), [
    "plant7.oven job-2",
  ]);
});

Deno.test("it is told for a day, the newest first", () => {
  const turns = [
    { stopped: [series("a", "1")], begun: [series("b", "1")] },
    { stopped: [series("c", "2")], begun: [series("d", "2")], stoppedMs: T + 1, beganMs: T + 1 },
  ];
  assert.deepEqual(found(turns, T + DAY_MS), ["c d", "a b"]);
  assert.deepEqual(found(turns, T + DAY_MS + 1), ["c d"]);
});
