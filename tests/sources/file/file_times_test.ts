/** Archives of files of different times, through the product's readers. */
import assert from "node:assert/strict";
import { FileSource } from "../../../src/sources/file/file_source.ts";
import { events, Reading } from "../../contract/source_reading.ts";
import { openRig, outboxRows } from "../../ingest/rig.ts";
import { inDirectory, lines, source } from "./written_files.ts";

const BASE_S = 1_767_225_600;
/** More than are open at once. */
const FILES = 100;
const EVENTS_PER_FILE = 20;

Deno.test("files of different times are read in the order of their times: windows close as they go", async () => {
  const directory = await Deno.makeTempDir({ prefix: "vabus-times-" });
  try {
    for (let file = 0; file < FILES; file++) {
      // Each event has a window of its own. The order of the names is not that of the times.
      const lines = Array.from(
        { length: EVENTS_PER_FILE },
        (_, i) => `{"name":"a","value":1,"timestamp":${BASE_S + (file * EVENTS_PER_FILE + i) * 10}}\n`,
      );
      await Deno.writeTextFile(`${directory}/${FILES - file}.ndjson`, lines.join(""));
    }
    const pattern = `${directory}/*.ndjson`;
    const source = new FileSource(`file://${pattern}`, pattern, { reader: undefined, isFollowed: false });
    const nowMs = (BASE_S + FILES * EVENTS_PER_FILE * 10) * 1000;
    using rig = openRig(directory, [source], nowMs, { VABUS_BATCH_SIZE: "4", CHECKPOINT_INTERVAL: "1" });
    const { aggregator, ingest } = rig.core;
    const settle = ingest.settle.bind(ingest);
    let mostWindows = 0;
    ingest.settle = (...outcome) => {
      rig.clock.ms += 1000;
      const isSettled = settle(...outcome);
      mostWindows = Math.max(mostWindows, aggregator.windows.windowCount);
      return isSettled;
    };
    assert.deepEqual(await rig.readers[0]!.drain(new AbortController().signal), { drained: true });
    await source.close();
    assert.equal(ingest.checkpointNow(true), true);
    assert.equal(aggregator.books.aggregated, FILES * EVENTS_PER_FILE);
    assert.equal(aggregator.lateArrivals, 0);
    assert.equal(outboxRows(rig).length, FILES * EVENTS_PER_FILE);
    // The first read of each file opens up to four.
    assert.ok(mostWindows <= 4 * FILES + 20, `${mostWindows} windows were open at once`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("files of an archive wait for each other; what is followed does so up to its end, and then no more", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/a.ndjson`;
    await Deno.writeTextFile(path, lines(0, 6));
    for (const isFollowed of [false, true]) {
      await using stack = new AsyncDisposableStack();
      const files = source(path, { isFollowed });
      stack.defer(() => files.close());
      const reading = await Reading.open(files);
      assert.equal(reading.partition.waitsForOthers, true);
      await reading.read();
      assert.equal(reading.partition.waitsForOthers, true);
      assert.deepEqual(await reading.readAll(), events(4, 6));
      assert.equal(reading.partition.waitsForOthers, !isFollowed);
    }
  }));
