import assert from "node:assert/strict";
import { fulfilRequests } from "../../src/runtime/between_runs.ts";
import { leaveRequest, readDeadLetters } from "../../src/state/letters/dead_letters.ts";
import { Books } from "../../src/state/checkpoint/books.ts";
import { StateDatabase } from "../../src/state/file/state_database.ts";
import { configFor, MemorySource, openRig, outboxRows } from "../ingest/rig.ts";
import { SILENT } from "../support/logs.ts";

const DAY = 86_400;
const NOW = 20 * DAY;
const SERVICE = {
  AGGREGATION_INTERVAL: "10",
  CORRECTION_HORIZON: `${10 * DAY}`,
  ALLOWED_LATENESS: "100",
  DEDUP_MAX_IDS: "10",
};
/** What an operator's shell knows of the service: next to nothing. */
const SHELL = { CORRECTION_HORIZON: "60", ALLOWED_LATENESS: "0", DEDUP_MAX_IDS: "1", MAX_SERIES: "1" };

Deno.test("what comes back between two runs goes into the functions of the service", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const source = new MemorySource();
    source.publish({ name: "a", value: 4, timestamp: NOW }, { name: "debug.a", value: 4, timestamp: NOW });
    const service = { AGG_FUNCTIONS: "a=min,max,avg;debug.*=none" };
    {
      using rig = openRig(directory, [source], NOW * 1000, { ...service, MAX_SERIES: "2" });
      await rig.readers[0]!.drain(new AbortController().signal);
      rig.core.ingest.checkpointNow();
      const deadLetters = readDeadLetters(rig.core.state, { limit: 9 });
      assert.deepEqual(deadLetters.map(({ reason }) => reason), ["overflow"]);
      leaveRequest(rig.core.state, "retry", deadLetters.map(({ id }) => id));
    }
    const shell = configFor(directory, { AGG_FUNCTIONS: "*=none" });
    assert.deepEqual(fulfilRequests(shell, SILENT), { retried: 1, purged: 0 });
    using rig = openRig(directory, [source], NOW * 1000, service);
    assert.deepEqual({ ...rig.core.aggregator.books }, {
      received: 2,
      aggregated: 1,
      duplicate: 0,
      invalid: 0,
      future: 0,
      late: 0,
      overflow: 0,
      dropped: 1,
    });
    assert.equal(rig.core.aggregator.contributed, 3);
    rig.core.ingest.checkpointNow(true);
    assert.deepEqual(new Books(rig.core.state).faults(), []);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("what a command does between two runs does not depend on the settings in the operator's shell", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const source = new MemorySource();
    const at = (timestamp: number, id: string, value: unknown = 1) => ({
      name: `n${timestamp}`,
      value,
      timestamp,
      id,
    });
    source.publish(at(NOW - 5 * DAY, "old"), at(NOW, "new"), at(NOW, "newest", "no number"));
    {
      using rig = openRig(directory, [source], NOW * 1000, SERVICE);
      await rig.readers[0]!.drain(new AbortController().signal);
      rig.core.ingest.checkpointNow();
      rig.core.outbox.advance("sqlite", rig.core.outbox.endId());
      rig.core.ingest.checkpointNow();
      leaveRequest(
        rig.core.state,
        "retry",
        readDeadLetters(rig.core.state, { limit: 9 }).map(({ id }) => id),
      );
    }
    const watermark = () => {
      const state = StateDatabase.openForReading(directory);
      const row = state.get<{ value: number }>("SELECT value FROM account WHERE name = 'watermark_ms'");
      state.close();
      return row!.value;
    };
    const before = watermark();
    assert.deepEqual(fulfilRequests(configFor(directory, SHELL), SILENT), { retried: 1, purged: 0 });
    assert.equal(watermark(), before, "no window has come to its end");

    source.publish(at(NOW - 5 * DAY, "old"), at(NOW - 5 * DAY, "straggler"), at(NOW, "new"));
    using rig = openRig(directory, [source], NOW * 1000, SERVICE);
    await rig.readers[0]!.drain(new AbortController().signal);
    rig.core.ingest.checkpointNow(true);
    assert.equal(rig.core.aggregator.books.duplicate, 2, "the ids of old and new are remembered");
    const corrected = outboxRows(rig).find(({ start }) => start === NOW - 5 * DAY);
    assert.equal(corrected!.count, 2, "the archive behind the shell's horizon is still there");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
