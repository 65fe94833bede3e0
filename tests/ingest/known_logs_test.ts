/** Logs are remembered by their identity, whichever address they are at. */
import assert from "node:assert/strict";
import { MemorySource, openRig } from "./rig.ts";

const NOW_MS = 1_767_225_600_000;
const NEVER = new AbortController().signal;

function event(id: string) {
  return { name: "a", value: 1, timestamp: NOW_MS / 1000, id };
}

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "vabus-known-logs-" });
  try {
    await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

for (const restarts of [false, true]) {
  Deno.test(
    `a log that comes back ${
      restarts ? "after restarts" : "while the handler runs"
    } goes on where it was left`,
    () =>
      inDirectory(async (directory) => {
        const bus = new MemorySource();
        const open = () => openRig(directory, [bus], NOW_MS, { DEDUP_MAX_IDS: "0" });
        const logs: Record<string, string[]> = { first: [], second: [] };
        let published = 0;
        let rig = open();
        try {
          for (const log of ["first", "second", "first", "second", "first"]) {
            bus.log = log;
            bus.events = logs[log]!;
            bus.publish(event("x"), event("y"));
            published += 2;
            await rig.readers[0]!.drain(NEVER);
            rig.core.ingest.checkpointNow();
            assert.equal(rig.core.aggregator.accounting.aggregated, published, `${log}, ${published} events`);
            if (!restarts) continue;
            rig[Symbol.dispose]();
            rig = open();
          }
        } finally {
          rig[Symbol.dispose]();
        }
      }),
  );
}

Deno.test("buses that have exchanged their logs go on with each log's own position and ids", () =>
  inDirectory(async (directory) => {
    const buses = [new MemorySource("http://one"), new MemorySource("http://two")];
    const [one, two] = [buses[0]!, buses[1]!];
    two.log = "second-log";
    one.publish(event("1"), event("2"), event("3"));
    two.publish(event("1"), event("b"));
    {
      using rig = openRig(directory, buses, NOW_MS, { DEDUP_MAX_IDS: "100" });
      for (const reader of rig.readers) await reader.drain(NEVER);
      rig.core.ingest.checkpointNow();
      assert.equal(rig.core.aggregator.accounting.aggregated, 5);
      [one.log, two.log] = [two.log, one.log];
      [one.events, two.events] = [two.events, one.events];
      rig.core.ingest.exchange(0, 1);
      // An id that its own log has had, and one that only the other log has had.
      one.publish(event("b"), event("2"));
      two.publish(event("3"), event("b"));
      for (const reader of rig.readers) await reader.drain(NEVER);
      assert.equal(rig.core.aggregator.accounting.aggregated, 7);
      assert.equal(rig.core.aggregator.accounting.duplicate, 2);
      rig.core.ingest.checkpointNow();
    }
    one.publish(event("b"), event("3"));
    two.publish(event("1"), event("c"));
    using rig = openRig(directory, buses, NOW_MS, { DEDUP_MAX_IDS: "100" });
    for (const reader of rig.readers) await reader.drain(NEVER);
    assert.equal(rig.core.aggregator.accounting.aggregated, 9);
    assert.equal(rig.core.aggregator.accounting.duplicate, 4);
  }));
