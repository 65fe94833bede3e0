import assert from "node:assert/strict";
import { join } from "node:path";
import { giveWay } from "../../../src/platform/clock/steps.ts";
import { SqliteSink } from "../../../src/sinks/sqlite/sqlite_sink.ts";
import { aggregateOf, batchOf, CONTEXT, NEVER, QUIET, sinkError } from "../../contract/sink_samples.ts";
import { readRows } from "../sqlite_rows.ts";
import { rowsOf } from "../../support/rows_of.ts";

const INSTANCE = "plant-1";
const ROWS = 10_000;
/** A request takes as many looks at the sockets. */
const TIMERS_A_TURN = 3;
const BATCH = batchOf(Array.from({ length: ROWS }, (_, i) => aggregateOf({ name: `sensor${i}` })));

async function withSink(work: (sink: SqliteSink, rowCount: () => number) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "vabus-sqlite-turns-" });
  const path = join(directory, "aggregates.sqlite");
  const sink = new SqliteSink({ id: "sqlite", path, instance: INSTANCE }, QUIET);
  try {
    await sink.open(CONTEXT);
    await work(sink, () => readRows(path, INSTANCE).length);
  } finally {
    await sink.close();
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("while a large batch is written others have their turn, and see all of its rows or none", () =>
  withSink(async (sink, rowCount) => {
    let isWritten = false;
    const written = sink.write(BATCH, NEVER).then(() => isWritten = true);
    const seen: number[] = [];
    while (!isWritten) {
      seen.push(rowCount());
      await giveWay();
    }
    await written;
    assert.ok(seen.length >= 5, `${seen.length} turns`);
    assert.equal(seen[0], 0);
    assert.deepEqual(seen.filter((rows) => rows !== 0 && rows !== ROWS), []);
    assert.equal(rowCount(), ROWS);
  }));

/** How often others have had their turn when so many rows are written. */
async function turnsFor(rows: number): Promise<number> {
  let turns = 0;
  await withSink(async (sink, rowCount) => {
    const { setTimeout: real } = globalThis;
    globalThis.setTimeout = ((work: () => void) => {
      turns++;
      return real(work, 0);
    }) as typeof real;
    try {
      await sink.write({ ...BATCH, aggregates: rowsOf(BATCH).slice(0, rows) }, NEVER);
    } finally {
      globalThis.setTimeout = real;
    }
    assert.equal(rowCount(), rows);
  });
  return turns / TIMERS_A_TURN;
}

Deno.test("others have their turn before, behind and in the middle of a batch, each 2048 rows", async () => {
  assert.equal(await turnsFor(2048), 0);
  assert.equal(await turnsFor(2049), 3);
  // Rows go a hundred at once, so the turns in the middle are 2100 rows apart.
  assert.equal(await turnsFor(ROWS), 7);
});

Deno.test("of a batch that is interrupted nothing is there, and it can be written again", () =>
  withSink(async (sink, rowCount) => {
    const stop = new AbortController();
    const interrupted = assert.rejects(
      sink.write(BATCH, stop.signal),
      sinkError("unavailable", /interrupted while the batch was written/),
    );
    await giveWay();
    await giveWay();
    stop.abort();
    await interrupted;
    assert.equal(rowCount(), 0);
    await sink.write(BATCH, NEVER);
    assert.equal(rowCount(), ROWS);
  }));

Deno.test("a sink that is closed and opened in the middle of a batch has nothing of it, and goes on", () =>
  withSink(async (sink, rowCount) => {
    const interrupted = assert.rejects(sink.write(BATCH, NEVER), sinkError("unavailable", /interrupted/));
    await giveWay();
    await giveWay();
    await sink.close();
    await sink.open(CONTEXT);
    await interrupted;
    assert.equal(rowCount(), 0);
    await sink.write(BATCH, NEVER);
    assert.equal(rowCount(), ROWS);
  }));
