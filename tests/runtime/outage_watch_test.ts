import assert from "node:assert/strict";
import { PartitionState, SourceState } from "../../src/ingest/partition_state.ts";
import { OutageWatch, type WatchedParts } from "../../src/runtime/outage_watch.ts";
import { StateDatabase } from "../../src/state/file/state_database.ts";
import { readOutages } from "../../src/state/outages.ts";
import { loggerTo, SILENT } from "../support/logs.ts";

const SECOND = 1000;
const HOUR = 3_600_000;

Deno.test("an outage is in the state a second after the first failed attempt, and since then", async () => {
  const directory = Deno.makeTempDirSync();
  const state = StateDatabase.open({ directory, instanceId: "i" });
  const stop = new AbortController();
  try {
    const bus = partitionOf("http://bus");
    let sink: WatchedParts["sinks"][number] = {
      id: "kafka",
      state: "starting",
      error: undefined,
      failingSinceMs: undefined,
    };
    const lines: string[] = [];
    const seen: unknown[] = [];
    let nowMs = 100 * HOUR;
    const outages = () =>
      readOutages(state).map(({ detail, sinceMs, subject }) =>
        `${subject}: ${detail} @ ${sinceMs - 100 * HOUR}`
      );
    /** What happens before each look, by its number. */
    const events: (() => void)[] = [
      () => bus.works(),
      () => bus.failed("refused", nowMs - 300),
      () => {
        seen.push(outages());
        bus.failed("no answer", nowMs - 300);
        sink = { ...sink, state: "failing", error: "away", failingSinceMs: nowMs - 900 };
      },
      () => {
        seen.push(outages());
        bus.failed("no route", nowMs - 300);
      },
      // A reason may change with each attempt, so a new one is noted some seconds after the last.
      () => seen.push(outages()),
      () => {},
      () => {},
      () => {},
      () => {
        seen.push(outages());
        bus.works();
        nowMs += HOUR;
      },
      () => {
        seen.push(outages());
        sink = { ...sink, state: "delivering", error: undefined, failingSinceMs: undefined };
      },
      () => {
        seen.push(outages());
        stop.abort();
      },
    ];
    const clock = {
      nowMs: () => nowMs,
      monotonicMs: () => nowMs,
      sleep: (ms: number) => {
        nowMs += ms;
        events.shift()!();
        return Promise.resolve();
      },
    };
    const logger = loggerTo(lines, "info");
    const watch = new OutageWatch(state, () => ({ sources: [bus.source], sinks: [sink] }), clock, logger);
    await watch.run(stop.signal);
    assert.deepEqual(seen, [
      ["bus http://bus: refused @ 1700"],
      // Since when it fails does not change with the reason, nor with later failures.
      ["bus http://bus: no answer @ 1700", "sink kafka: away @ 2100"],
      ["bus http://bus: no answer @ 1700", "sink kafka: away @ 2100"],
      ["bus http://bus: no route @ 1700", "sink kafka: away @ 2100"],
      ["sink kafka: away @ 2100"],
      [],
    ]);
    assert.match(lines.join(""), /sink kafka has failed since .*: away[^]*sink kafka works again/);
    assert.doesNotMatch(lines.join(""), /bus/, "what was short is told to nobody");
  } finally {
    state.close();
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("after a restart an outage goes on as before, until its subject has been tried", () => {
  const directory = Deno.makeTempDirSync();
  const state = StateDatabase.open({ directory, instanceId: "i" });
  try {
    const lives = (nowMs: number, bus: PartitionState) => {
      const logger = SILENT;
      const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, sleep: () => Promise.resolve() };
      new OutageWatch(state, () => ({ sources: [bus.source], sinks: [] }), clock, logger).note();
      return readOutages(state).map(({ sinceMs }) => sinceMs / SECOND);
    };
    const first = partitionOf("plant");
    first.failed("away", 1 * SECOND);
    assert.deepEqual(lives(2 * SECOND, first), [1]);
    const second = partitionOf("plant");
    assert.deepEqual(lives(10 * SECOND, second), [1]);
    second.failed("away", 11 * SECOND);
    assert.deepEqual(lives(12 * SECOND, second), [1]);
    second.works();
    assert.deepEqual(lives(13 * SECOND, second), []);
    second.failed("away", 14 * SECOND);
    assert.deepEqual(lives(15 * SECOND, second), [14]);
  } finally {
    state.close();
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("a source fails from its first failure until all of its partitions work", () => {
  const source = new SourceState("plant", 0);
  const partitions = ["a", "b"].map((id) => partitionOf("plant", id, source));
  const steps: [act: () => void, sinceMs: number | undefined, isTried: boolean][] = [
    [() => source.opened(), undefined, false],
    [() => source.openFailed("refused", 1), 1, true],
    [() => source.openFailed("no answer", 2), 1, true],
    [() => source.opened(), undefined, true],
    [() => partitions[0]!.failed("away", 3), 3, true],
    [() => partitions[1]!.failed("away", 4), 3, true],
    [() => partitions[0]!.works(), 3, true],
    [() => partitions[1]!.left(), undefined, true],
  ];
  for (const [i, [act, sinceMs, isTried]] of steps.entries()) {
    act();
    assert.deepEqual([source.failingSinceMs, source.isTried], [sinceMs, isTried], `step ${i}`);
    assert.equal(source.failure === undefined, sinceMs === undefined, `step ${i}`);
  }
});

function partitionOf(name: string, id = "", source = new SourceState(name, 0)): PartitionState {
  const progress = { lineage: undefined, position: undefined, history: undefined! };
  return new PartitionState(source, id, 0, progress);
}
