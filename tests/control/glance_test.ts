import assert from "node:assert/strict";
import { storedGlance } from "../../src/control/glance.ts";
import { GlanceRates } from "../../src/control/glance_rates.ts";
import { OBSTACLES } from "../../src/ingest/reading_gate.ts";
import { readStatus, type Status } from "../../src/control/status.ts";
import { storeStandingNote } from "../../src/state/standing_note.ts";
import { Inside } from "../state/inside.ts";

Deno.test("the state alone tells the rates of sinks that the handler has noted, and never a standstill", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const { state } = new Inside(directory);
    const status: Status = {
      ...readStatus(state, 0),
      sinks: ["a", "b"].map((name) => ({ name, cursor: 7 })),
    };
    storeStandingNote(state, { causes: [], paces: { a: 0.25, b: null }, partitions: {} });
    const { paces } = readStatus(state, 0);
    const rates = new GlanceRates();
    const after = (
      seconds: number,
      isRunning = true,
    ) => [...rates.add(storedGlance({ ...status, nowMs: seconds * 1000, paces }, isRunning)).deliveredTo];
    // Between two windows nothing moves.
    for (const seconds of [0, 5, 59]) assert.deepEqual(after(seconds), [["a", 15]]);
    assert.deepEqual(after(60, false), [], "nothing runs");
    state.close();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("the state alone tells that a source is paused, held, failing or stopped, and the sinks beside it", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const { state } = new Inside(directory);
    const bus = { name: "plant", address: "http://plant", isConfigured: true, partitions: [] };
    const plain: Status = { ...readStatus(state, 0), buses: [bus], sinks: [{ name: "sqlite", cursor: 0 }] };
    const states = (given: Partial<Status>, isRunning = true) => {
      const { sinks, sources } = storedGlance({ ...plain, ...given }, isRunning);
      return [...sources, ...sinks].map(({ state }) => state).join(" ");
    };
    const causes = (name: string) => ({ causes: [{ name, detail: "" }] });
    const pauses = [{ kind: "source" as const, name: "plant", who: "ann", sinceMs: 0 }];
    const outages = [{ subject: "bus plant", detail: "no connection", sinceMs: 0 }];
    assert.equal(states({ causes: [] }), "running running");
    for (const name of OBSTACLES) assert.equal(states(causes(name)), "held running", name);
    assert.equal(states(causes("sink_starting")), "running running");
    assert.equal(states({ ...causes("outbox_full"), pauses }), "paused running");
    assert.equal(states({ ...causes("outbox_full"), outages }), "failing running");
    assert.equal(states(causes("outbox_full"), false), "stopped stopped", "what was noted is over");
    state.close();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
