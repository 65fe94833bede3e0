import assert from "node:assert/strict";
import { readStatus, type Status } from "../../src/control/status.ts";
import { statusReport } from "../../src/control/status_record.ts";
import { StandingKeeper } from "../../src/runtime/standing_keeper.ts";
import type { StandingNote } from "../../src/state/standing_note.ts";
import { Inside } from "../state/inside.ts";

const FULL = { name: "outbox_full", detail: "10 aggregates wait" };

Deno.test("status knows within a second why the handler is not ready, and which partitions are gone", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const inside = new Inside(directory);
    inside.take([{ name: "a", value: 1, timestamp: 1 }]);
    inside.save();
    const { state } = inside;
    const stop = new AbortController();
    let note: StandingNote = { causes: [], partitions: { bus: [""] } };
    const seen: [causes: unknown, isGone: boolean | undefined, isConfigured: boolean][] = [];
    const rates: unknown[] = [];
    const see = () => {
      const { buses, causes }: Status = readStatus(state, 0);
      const { isConfigured, partitions } = buses[0]!;
      seen.push([causes?.map(({ detail }) => detail), partitions[0]!.isGone, isConfigured]);
    };
    const steps: (() => void)[] = [
      see,
      () => note = { ...note, causes: [FULL] },
      see,
      // Not every second: what waits changes all the time.
      () => note = { ...note, causes: [{ ...FULL, detail: "11 aggregates wait" }] },
      see,
      () => nowMs += 60_000,
      see,
      () => note = { causes: [], partitions: { bus: ["other"] } },
      see,
      () => note = { causes: [], partitions: { bus: null } },
      see,
      () => note = { causes: [], partitions: {} },
      see,
      () => note = { ...note, paces: { sqlite: null } },
      () => note = { ...note, paces: { sqlite: 3 } },
      // Nor does a rate that only varies.
      () => note = { ...note, paces: { sqlite: 4 } },
      () => rates.push(readStatus(state, 0).paces.get("sqlite")),
      () => note = { ...note, paces: { sqlite: 0 } },
      () => rates.push(readStatus(state, 0).paces.get("sqlite")),
      () => stop.abort(),
    ];
    let nowMs = 0;
    const sleep = () => {
      nowMs += 1000;
      steps.shift()!();
      return Promise.resolve();
    };
    const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, sleep };
    const keeper = new StandingKeeper(state, () => note, clock);
    await keeper.run(stop.signal);
    assert.deepEqual(seen, [
      [[], false, true],
      [["10 aggregates wait"], false, true],
      [["10 aggregates wait"], false, true],
      [["11 aggregates wait"], false, true],
      [[], true, true],
      [[], false, true],
      [[], true, false],
    ]);
    assert.deepEqual(rates, [3, 0]);
    note = { causes: [FULL], partitions: {}, paces: { sqlite: 0.5, away: 0, new: null } };
    keeper.keep();
    assert.deepEqual([...readStatus(state, 0).paces], [["sqlite", 0.5], ["away", 0]]);
    assert.deepEqual(statusReport(readStatus(state, 0), true).causes, [FULL]);
    assert.equal(statusReport(readStatus(state, 0), false).causes, null, "nothing runs");
    keeper.forget();
    assert.equal(readStatus(state, 0).causes, undefined);
    state.close();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
