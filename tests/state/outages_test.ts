import assert from "node:assert/strict";
import { type Failure, noteOutages, readOutages } from "../../src/state/outages.ts";
import { withState } from "./inside.ts";
import { StateDatabase } from "../../src/state/file/state_database.ts";

const HOUR_MS = 3600_000;
const SUBJECT = "bus http://bus:1";

Deno.test("an outage is told after an hour, then once a day, and once when it is over, also by other processes", () => {
  const directory = Deno.makeTempDirSync();
  const told: [hour: number, what: string][] = [];
  try {
    for (let hour = 0; hour <= 60; hour++) {
      using state = closing(StateDatabase.open({ directory, instanceId: "i" }));
      // It works in the first hours, and again from the 58th on.
      const failing = hour >= 3 && hour < 58
        ? new Map([[SUBJECT, { detail: `away at ${hour}`, sinceMs: 3 * HOUR_MS - 7 }]])
        : new Map<string, Failure>();
      // Each hour is a process of its own. In the twentieth, nothing was tried yet.
      const untried = new Set(hour === 20 ? [SUBJECT] : []);
      const { due, over } = noteOutages(
        state.state,
        hour === 20 ? new Map() : failing,
        untried,
        hour * HOUR_MS,
      );
      for (const { sinceMs, detail } of due) told.push([hour, `${detail}, since ${(sinceMs + 7) / HOUR_MS}`]);
      for (const { subject } of over) told.push([hour, `over: ${subject}`]);
      assert.deepEqual(
        readOutages(state.state).map(({ subject, sinceMs }) => [subject, (sinceMs + 7) / HOUR_MS]),
        failing.size > 0 ? [[SUBJECT, 3]] : [],
      );
    }
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
  assert.deepEqual(told, [
    [4, "away at 4, since 3"],
    [28, "away at 28, since 3"],
    [52, "away at 52, since 3"],
    [58, `over: ${SUBJECT}`],
  ]);
});

Deno.test("an outage that was short is told to nobody, nor that it is over", () => {
  const directory = Deno.makeTempDirSync();
  try {
    using state = closing(StateDatabase.open({ directory, instanceId: "i" }));
    const away = (sinceMs: number) => new Map([[SUBJECT, { detail: "away", sinceMs }]]);
    const moments: [number, ReadonlyMap<string, Failure>][] = [
      [0, away(0)],
      [HOUR_MS - 1, away(0)],
      [HOUR_MS, new Map()],
      [2 * HOUR_MS, away(2 * HOUR_MS)],
    ];
    for (const [nowMs, failing] of moments) {
      assert.deepEqual(noteOutages(state.state, failing, new Set(), nowMs), { due: [], over: [] });
    }
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("outages are told each for itself: at the hour, at the day after it, and at their end", () =>
  withState((state) => {
    const [bus, sink] = ["bus", "sink"];
    const note = (nowMs: number, failing: Readonly<Record<string, number>>, ...untried: string[]) => {
      const reasons = Object.entries(failing).map(([subject, sinceMs]) =>
        [subject, { detail: `away at ${nowMs}`, sinceMs }] as const
      );
      const { due, over } = noteOutages(state, new Map(reasons), new Set(untried), nowMs);
      return [due, over].map((told) => told.map(({ subject, sinceMs }) => `${subject} ${sinceMs}`).join());
    };
    const known = () => readOutages(state).map(({ subject, detail }) => `${subject} ${detail}`);
    assert.deepEqual(note(0, {}), ["", ""]);
    assert.deepEqual(note(HOUR_MS - 1, { bus: 0, sink: 5 }), ["", ""]);
    assert.deepEqual(note(HOUR_MS, { bus: 3, sink: 5 }), ["bus 0", ""], "it began when it was first seen");
    assert.deepEqual(note(HOUR_MS + 5, { bus: 3, sink: 5 }), ["sink 5", ""]);
    assert.deepEqual(note(25 * HOUR_MS - 1, { bus: 3, sink: 5 }), ["", ""]);
    assert.deepEqual(note(25 * HOUR_MS, { bus: 3 }, sink), ["bus 0", ""]);
    assert.deepEqual(known(), [`bus away at ${25 * HOUR_MS}`, `sink away at ${25 * HOUR_MS - 1}`]);
    assert.deepEqual(note(26 * HOUR_MS, {}, bus, sink), ["", ""], "nothing is known of them");
    assert.equal(known().length, 2);
    assert.deepEqual(note(27 * HOUR_MS, { sink: 5 }, bus), ["sink 5", ""]);
    assert.deepEqual(note(28 * HOUR_MS, { bus: 3 }, bus), ["", "sink 5"]);
    assert.deepEqual(note(29 * HOUR_MS, {}), ["", "bus 0"]);
    assert.deepEqual([known(), note(30 * HOUR_MS, {})], [[], ["", ""]]);
  }));

function closing(state: StateDatabase) {
  return { state, [Symbol.dispose]: () => state.close() };
}
