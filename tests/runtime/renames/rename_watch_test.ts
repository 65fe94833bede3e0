import assert from "node:assert/strict";
import { RenameWatch } from "../../../src/runtime/renames/rename_watch.ts";
import { Renames } from "../../../src/runtime/renames/renames.ts";
import { StateDatabase } from "../../../src/state/file/state_database.ts";
import { StateError } from "../../../src/state/file/state_error.ts";
import { LoneClock } from "../../ingest/rig.ts";
import { Inside, type InsideOptions } from "../../state/inside.ts";

const SIGNAL = new AbortController().signal;

/** A state whose windows are of a second each, and what a watch over it has found. */
async function withWatch(
  options: InsideOptions,
  work: (rig: { inside: Inside; look: () => Promise<string[]>; restart: () => void }) => Promise<void>,
): Promise<void> {
  const directory = Deno.makeTempDirSync();
  const inside = new Inside(directory, options);
  const begin = () => {
    const renames = new Renames();
    const openView = () => StateDatabase.view(directory);
    return { renames, watch: new RenameWatch(openView, () => 1000, renames, new LoneClock(0)) };
  };
  let own = begin();
  const look = async () => {
    await own.watch.look(SIGNAL);
    return own.renames.all(0).map(({ from, stoppedMs, to }) => `${from.name} ${to.name} ${stoppedMs}`);
  };
  try {
    await work({ inside, look, restart: () => own = begin() });
  } finally {
    inside.state.close();
    Deno.removeSync(directory, { recursive: true });
  }
}

/** Events of some series in one second, which close the windows of those before. */
function second(inside: Inside, timestamp: number, ...names: readonly string[]): void {
  inside.take(names.map((name) => ({ name, value: 1, timestamp, labels: { line: "4" } })));
  inside.save();
}

Deno.test("a series that stops when another begins is found in the closed windows, once it is sure", async () => {
  await withWatch({}, async ({ inside, look, restart }) => {
    for (const at of [1, 2, 3, 4]) second(inside, at, "clock", "plant7.oven");
    assert.deepEqual(await look(), []);
    for (const at of [5, 6, 7]) second(inside, at, "clock", "werk.ofen");
    assert.deepEqual(await look(), [], "the window of the seventh second is open");
    second(inside, 9, "clock", "werk.ofen");
    const found = ["plant7.oven werk.ofen 5000"];
    assert.deepEqual(await look(), found);
    assert.deepEqual(await look(), found, "no window is looked at twice");
    restart();
    assert.deepEqual(await look(), found, "a start looks at the newest windows");
    for (const at of [10, 11, 12, 14]) second(inside, at, "clock", "plant7.oven");
    assert.deepEqual(await look(), [], "it has come back");
  });
});

Deno.test("another length of the windows begins anew; a state that cannot be read is left alone", async () => {
  let lengthMs = 1000;
  const directory = Deno.makeTempDirSync();
  const inside = new Inside(directory, {
    tiers: [1000, 2000].map((each) => ({ lengthMs: each, hopMs: each })),
  });
  const renames = new Renames();
  let fault: Error | undefined;
  const openView = () => {
    if (fault !== undefined) throw fault;
    return StateDatabase.view(directory);
  };
  const watch = new RenameWatch(openView, () => lengthMs, renames, new LoneClock(0));
  try {
    for (let at = 1; at < 20; at++) {
      second(inside, at, "clock", at < 9 ? "plant7.oven" : "werk.ofen");
      if (at === 9) {
        await watch.look(SIGNAL);
        lengthMs = 2000;
      }
    }
    fault = new StateError("gone", "the state is gone");
    await watch.look(SIGNAL);
    assert.deepEqual(renames.all(0), []);
    fault = undefined;
    await watch.look(SIGNAL);
    assert.deepEqual(renames.all(0).map(({ stoppedMs }) => stoppedMs), [10_000]);
    fault = new TypeError("a defect");
    await assert.rejects(watch.look(SIGNAL), TypeError);
  } finally {
    inside.state.close();
    Deno.removeSync(directory, { recursive: true });
  }
});
