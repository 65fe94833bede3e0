import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { Aggregate } from "../../../src/aggregation/aggregate.ts";
import { SqliteSink } from "../../../src/sinks/sqlite/sqlite_sink.ts";
import {
  aggregateOf,
  assertSameAggregates,
  batchOf,
  CONTEXT,
  NEVER,
  QUIET,
} from "../../contract/sink_samples.ts";
import { temporaryDirectory } from "../../support/executable.ts";
import { readRows } from "../sqlite_rows.ts";
import { execute } from "./sqlite_backends.ts";
import { loggerTo } from "../../support/logs.ts";

const INSTANCE = "plant-1";
const WINDOW_MS = 60_000;
const RETENTION_MS = 10 * WINDOW_MS;
const T0 = 1_700_000_040_000;

/** The rows of a window: each stands for as many events as its number says. */
function windowOf(number: number, names = 3): Aggregate[] {
  return Array.from({ length: names }, (_, i) =>
    aggregateOf({
      name: `n${i}`,
      ...(i === 1 ? { labels: '{"line":"1"}' } : {}),
      windowStartMs: T0 + number * WINDOW_MS,
      windowEndMs: T0 + (number + 1) * WINDOW_MS,
      count: i + 1,
    }));
}

async function withSink(
  work: (sink: SqliteSink, path: string, open: (instance?: string) => Promise<SqliteSink>) => Promise<void>,
): Promise<void> {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/aggregates.sqlite`;
  const opened: SqliteSink[] = [];
  const open = async (instance = INSTANCE) => {
    const sink = new SqliteSink({ id: "sqlite", path, instance, retentionMs: RETENTION_MS }, QUIET);
    opened.push(sink);
    await sink.open(CONTEXT);
    return sink;
  };
  try {
    await work(await open(), path, open);
  } finally {
    for (const sink of opened) await sink.close();
  }
}

Deno.test("rows older than the newest by the retention are deleted, and what they stood for is kept", () =>
  withSink(async (sink, path) => {
    for (let w = 0; w <= 30; w++) await sink.write(batchOf(windowOf(w), w * 3), NEVER);
    const kept = Array.from({ length: 11 }, (_, i) => windowOf(20 + i)).flat();
    assertSameAggregates(readRows(path, INSTANCE), kept);
    assert.deepEqual({ ...await sink.readBack.deleted(INSTANCE) }, {
      beforeMs: T0 + 20 * WINDOW_MS,
      events: 20 * 6,
    });
    assert.equal(await sink.readBack.sumOfCounts(INSTANCE, -Infinity), 11 * 6);
  }));

Deno.test("nobody else's rows are deleted, and nothing before there is something new", () =>
  withSink(async (sink, path, open) => {
    const other = await open("plant-2");
    await other.write(batchOf(windowOf(0)), NEVER);
    await sink.write(batchOf([...windowOf(0), ...windowOf(1)]), NEVER);
    await sink.write(batchOf(windowOf(40), 6), NEVER);
    assertSameAggregates(readRows(path, INSTANCE), windowOf(40));
    assertSameAggregates(readRows(path, "plant-2"), windowOf(0));
    assert.equal(await sink.readBack.deleted("plant-2"), undefined);
    const again = await open();
    await again.write({ ...batchOf([]), nextId: 9 }, NEVER);
    assertSameAggregates(readRows(path, INSTANCE), windowOf(40));
  }));

Deno.test("what was written and deleted is not counted twice when it is written again", () =>
  withSink(async (sink, path, open) => {
    const batch = batchOf([...windowOf(0), ...windowOf(40)]);
    await sink.write(batch, NEVER);
    assert.equal((await sink.readBack.deleted(INSTANCE))!.events, 6);
    const again = await open();
    // The answer was lost; then an operator has it all sent once more.
    await again.write(batch, NEVER);
    await again.write({ ...batch, overwrites: true }, NEVER);
    assertSameAggregates(readRows(path, INSTANCE), windowOf(40));
    assert.equal((await again.readBack.deleted(INSTANCE))!.events, 6);
    // A dead letter of old that is retried is new to the sink: it comes and goes.
    const late = windowOf(1).slice(0, 1);
    await again.write(batchOf(late, 6), NEVER);
    assert.equal((await again.readBack.deleted(INSTANCE))!.events, 7);
    assertSameAggregates(readRows(path, INSTANCE), windowOf(40));
  }));

Deno.test("the oldest rows that are kept stay, however many, and are written again where they change", () =>
  withSink(async (sink, path) => {
    const kept = [...windowOf(30, 5100), ...windowOf(40)];
    await sink.write(batchOf(kept), NEVER);
    assert.equal(await sink.readBack.deleted(INSTANCE), undefined);
    await sink.write(batchOf(windowOf(29), kept.length), NEVER);
    assert.equal(readRows(path, INSTANCE).length, kept.length);
    const again = [...windowOf(29), ...windowOf(30)].map((row) => ({ ...row, revision: 1 }));
    await sink.write(batchOf(again), NEVER);
    const changed = readRows(path, INSTANCE).filter(({ revision }) => revision === 1);
    assertSameAggregates(changed, again.slice(3));
    assert.equal((await sink.readBack.deleted(INSTANCE))!.events, 6);
  }));

Deno.test("rows that cannot be deleted are in the way of no other batch once they can", () =>
  withSink(async (sink, path) => {
    await sink.write(batchOf(windowOf(0)), NEVER);
    execute(
      path,
      "create trigger site before delete on aggregated_events begin select raise(abort, 'kept'); end",
    );
    await assert.rejects(sink.write(batchOf(windowOf(40), 3), NEVER), /kept/);
    execute(path, "drop trigger site");
    await sink.write(batchOf(windowOf(41), 6), NEVER);
    assertSameAggregates(readRows(path, INSTANCE), [...windowOf(40), ...windowOf(41)]);
  }));

Deno.test("what is newly to be deleted goes in small steps, and the file shrinks", () =>
  withSink(async (sink, path) => {
    const plain = new SqliteSink({ id: "sqlite", path, instance: INSTANCE }, QUIET);
    await plain.open(CONTEXT);
    for (let w = 0; w < 5; w++) await plain.write(batchOf(windowOf(w, 8000), w * 8000), NEVER);
    await plain.close();
    const size = () => {
      const database = new DatabaseSync(path);
      try {
        database.prepare("pragma wal_checkpoint(truncate)").get();
        return Deno.statSync(path).size;
      } finally {
        database.close();
      }
    };
    const before = size();
    await sink.write(batchOf(windowOf(40, 5000), 40_000), NEVER);
    const left = () => readRows(path, INSTANCE).length;
    // Four steps of 5001 rows: ten thousand, and twice those of the batch.
    assert.equal(left(), 45_000 - 4 * 5001);
    for (let w = 41; left() > 100; w++) await sink.write(batchOf(windowOf(w), 45_000 + (w - 41) * 3), NEVER);
    assert.ok(size() < before / 4, `${size()} of ${before}`);
    assert.equal((await sink.readBack.deleted(INSTANCE))!.events, (5 * 8000 * 8001 + 5000 * 5001) / 2);
    // Some of it is kept for the next rows.
    const file = new DatabaseSync(path, { readOnly: true });
    assert.notEqual(file.prepare("pragma freelist_count").get()!.freelist_count, 0);
    file.close();
  }));

Deno.test("a file of a former version is told to stay as large as it is, and rows are deleted all the same", () =>
  withSink(async (_, path) => {
    const former = `${path}.former`;
    const database = new DatabaseSync(former);
    database.exec(
      `create table aggregated_events (name text not null, agg_func text not null, window_start real not null,
      window_end real not null, instance text not null, value real not null, count integer not null, revision integer not null,
      written_at real not null default 0, primary key (name, agg_func, window_start, window_end, instance)) without rowid`,
    );
    database.close();
    const sink = new SqliteSink(
      { id: "sqlite", path: former, instance: INSTANCE, retentionMs: RETENTION_MS },
      QUIET,
    );
    assert.match(await sink.probe(), /stays as large as it is: .*pragma auto_vacuum = incremental; vacuum/);
    await sink.open(CONTEXT);
    try {
      const rows = (w: number) => windowOf(w).filter(({ labels }) => labels === undefined);
      for (let w = 0; w <= 30; w++) await sink.write(batchOf(rows(w), w * 2), NEVER);
      assert.equal(readRows(former, INSTANCE).length, 11 * 2);
      assert.equal((await sink.readBack.deleted(INSTANCE))!.events, 20 * 4);
    } finally {
      await sink.close();
    }
  }));

Deno.test("only a file that cannot shrink, and only where rows are deleted, is warned of", async () => {
  await using directory = await temporaryDirectory();
  const former = `${directory.path}/former.sqlite`;
  execute(former, "create table other (a)");
  for (
    const [path, retentionMs, warnings] of [
      [former, RETENTION_MS, 1],
      [former, undefined, 0],
      [`${directory.path}/new.sqlite`, RETENTION_MS, 0],
    ] as const
  ) {
    const lines: string[] = [];
    const logger = loggerTo(lines, "warn");
    const options = { id: "sqlite", path, instance: INSTANCE, ...(retentionMs && { retentionMs }) };
    const sink = new SqliteSink(options, logger);
    await sink.open(CONTEXT);
    const { synchronous } = sink["database"]!.prepare("pragma synchronous").get()!;
    await sink.close();
    assert.equal(synchronous, 2, "each commit is on disk");
    assert.equal(lines.filter((line) => line.includes("stays as large as it is")).length, warnings, path);
  }
});
