/** The clock of a queue, which forgets what it hands out. */
import assert from "node:assert/strict";
import { SourceReader } from "../../src/ingest/source_reader.ts";
import { QueueSource } from "../../src/sources/vabus/queue_source.ts";
import { MemorySource, openRig, type Rig } from "./rig.ts";
import { SILENT } from "../support/logs.ts";

const NAME = "http://queue";
const TRUE_MS = 2_000_000_000_000;
const HOUR_MS = 3_600_000;
const NEVER = new AbortController().signal;
const silent = SILENT;

/** @param dateMs The time that the queue tells. */
function readerOf(rig: Rig, events: string[], dateMs: () => number): SourceReader {
  const queue = {
    name: NAME,
    take: () => Promise.resolve(events.length > 0 ? new TextEncoder().encode(events.shift()) : undefined),
    probe: () => Promise.resolve("queue"),
    time: () => Promise.resolve(dateMs()),
    close: () => {},
  };
  const { clock, core: { ingest } } = rig;
  const options = { batchSize: 1, waitMs: 1000 };
  return new SourceReader(new QueueSource(queue), 0, ingest, options, clock, () => 0.5, silent);
}

async function withRig(work: (rig: Rig) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "vabus-clock-" });
  try {
    using rig = openRig(directory, [new MemorySource(NAME)], TRUE_MS);
    await work(rig);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("a queue is not asked for anything under a clock that is behind", () =>
  withRig(async (rig) => {
    const { clock, core: { aggregator, ingest } } = rig;
    const events = [0, 1].map((s) => JSON.stringify({ name: "a", value: 1, timestamp: TRUE_MS / 1000 + s }));
    clock.nowMs = () => clock.ms - HOUR_MS;
    const reader = readerOf(rig, events, () => clock.ms);
    assert.match(JSON.stringify(await reader.drain(NEVER)), /http:\/\/queue says/);
    assert.equal(ingest.obstacle?.name, "clock_behind");
    assert.match(ingest.obstacle?.detail ?? "", /http:\/\/queue says/);
    assert.equal(rig.log.filter((line) => /fetching stops: this host's clock/.test(line)).length, 1);
    assert.equal(events.length, 2);
    clock.nowMs = () => clock.ms;
    await reader.drain(NEVER);
    assert.deepEqual([aggregator.books.aggregated, aggregator.books.future], [2, 0]);
  }));

Deno.test("a queue is asked for the time once a minute", () =>
  withRig(async (rig) => {
    let asked = 0;
    const reader = readerOf(rig, [], () => {
      asked++;
      return rig.clock.ms;
    });
    for (const [ms, times] of [[0, 1], [59_999, 1], [1, 2], [59_999, 2], [1, 3]] as const) {
      rig.clock.ms += ms;
      await reader.drain(NEVER);
      assert.equal(asked, times);
    }
  }));
