import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { Aggregate } from "../../../src/aggregation/aggregate.ts";
import type { SoughtRows } from "../../../src/contract/read_back.ts";
import { CREATE_WRITER_TABLE, SqliteClaim } from "../../../src/sinks/sqlite/sqlite_claim.ts";
import { SqliteReadBack } from "../../../src/sinks/sqlite/sqlite_read_back.ts";
import { RowStatements } from "../../../src/sinks/sqlite/sqlite_rows.ts";
import { isTableMissing, prepareTables, shapeOf } from "../../../src/sinks/sqlite/sqlite_table.ts";
import { aggregateOf } from "../../contract/sink_samples.ts";

const NEVER = new AbortController().signal;

/** A table of the rows of `plant`, and one row of another instance. */
function withRows(rows: readonly Aggregate[], work: (readBack: SqliteReadBack) => Promise<void>) {
  return async () => {
    using database = new DatabaseSync(":memory:");
    const { hasLabels } = prepareTables(database);
    const statements = new RowStatements(database, hasLabels, "plant");
    for (const row of rows) statements.put([row]);
    new RowStatements(database, hasLabels, "other").put([rows[0]!]);
    await work(new SqliteReadBack((ask) => Promise.resolve(ask(database))));
  };
}

/** A window of one minute that starts at this second. */
const row = (second: number, more: Partial<Aggregate> = {}) =>
  aggregateOf({
    name: "a",
    windowStartMs: second * 1000,
    windowEndMs: (second + 60) * 1000,
    count: 1,
    ...more,
  });

const LONG = row(120, { windowEndMs: 420_000, count: 100 });
const ROWS = [
  row(0, { count: 1 }),
  row(60, { count: 10 }),
  row(60.5, { name: "b", count: 1000, labels: '{"line":"1"}' }),
  LONG,
];

Deno.test(
  "the sum of counts is that of an instance, from a time on, of windows of one length or of all",
  withRows(ROWS, async (readBack) => {
    const sum = (sinceMs: number, lengthMs?: number) =>
      readBack.sumOfCounts("plant", sinceMs, NEVER, lengthMs);
    assert.deepEqual(await Promise.all([0, 1, 60_000, 60_001, 120_000, 120_001].map((ms) => sum(ms))), [
      1111,
      1110,
      1110,
      1100,
      100,
      0,
    ]);
    assert.deepEqual([await sum(0, 60_000), await sum(0, 300_000), await sum(0, 7)], [1011, 100, 0]);
    assert.equal(await readBack.sumOfCounts("other", 0), 1);
    assert.equal(await readBack.sumOfCounts("nobody", 0), 0);
    assert.equal(await readBack.deleted("plant"), undefined);
  }),
);

Deno.test(
  "the rows of a window are those of its start and its end, as they were written",
  withRows(ROWS, async (readBack) => {
    assert.deepEqual(await readBack.rowsOfWindow("plant", 60_500, 120_500), [ROWS[2]]);
    assert.deepEqual(await readBack.rowsOfWindow("plant", 120_000, 420_000), [LONG]);
    assert.deepEqual(await readBack.rowsOfWindow("plant", 120_000, 180_000), []);
    assert.deepEqual(await readBack.rowsOfWindow("plant", 60_000, 420_000), []);
    assert.deepEqual(await readBack.rowsOfWindow("other", 60_000, 120_000), []);
  }),
);

Deno.test(
  "the newest rows come newest first, and in the order of their names",
  withRows([...ROWS, row(0, { name: "0" })], async (readBack) => {
    const newest = async (limit: number) =>
      (await readBack.newest("plant", limit)).map(({ name, windowStartMs }) =>
        `${name}${windowStartMs / 1000}`
      );
    assert.deepEqual(await newest(9), ["a120", "b60.5", "a60", "00", "a0"]);
    assert.deepEqual(await newest(2), ["a120", "b60.5"]);
  }),
);

const SOUGHT: SoughtRows = {
  name: "a",
  labels: {},
  aggFunc: undefined,
  lengthMs: undefined,
  fromMs: 0,
  untilMs: 1e9,
  limit: 99,
};

Deno.test(
  "the rows of a series are found window by window, and it is told how far",
  withRows(
    [...ROWS, row(180, { aggFunc: "max" }), row(180, { labels: '{"line":"1"}' })],
    async (readBack) => {
      const found = async (changes: Partial<SoughtRows> = {}) => {
        const { aggregates, reachedMs } = await readBack.rowsOfSeries(
          "plant",
          { ...SOUGHT, ...changes },
          NEVER,
        );
        return [aggregates.map(({ windowStartMs }) => windowStartMs / 1000).join(" "), reachedMs];
      };
      assert.deepEqual(await found(), ["0 60 120 180 180", 1e9]);
      assert.deepEqual(await found({ limit: 2 }), ["0 60", 60_001]);
      assert.deepEqual(await found({ fromMs: 1, untilMs: 120_000 }), ["60", 120_000]);
      assert.deepEqual(await found({ fromMs: 60_000, untilMs: 120_001 }), ["60 120", 120_001]);
      assert.deepEqual(await found({ fromMs: 500, untilMs: 500 }), ["", 500]);
      assert.deepEqual(await found({ limit: 0 }), ["", 0]);
      assert.deepEqual(await found({ lengthMs: 300_000 }), ["120", 1e9]);
      assert.deepEqual(await found({ aggFunc: "max" }), ["180", 1e9]);
      assert.deepEqual(await found({ labels: { line: "1" } }), ["180", 1e9]);
      assert.deepEqual(await found({ name: "b" }), ["60.5", 1e9]);
      assert.deepEqual(await found({ name: "c" }), ["", 1e9]);
      await assert.rejects(readBack.rowsOfSeries("plant", SOUGHT, AbortSignal.abort()), {
        name: "AbortError",
      });
    },
  ),
);

Deno.test(
  "a search of many windows is done in turns of 64 of them",
  withRows(Array.from({ length: 130 }, (_, i) => row(60 * i)), async (readBack) => {
    const { aggregates, reachedMs } = await readBack.rowsOfSeries(
      "plant",
      { ...SOUGHT, untilMs: 7_800_000, limit: 999 },
      NEVER,
    );
    assert.deepEqual(
      aggregates.map(({ windowStartMs }) => windowStartMs / 60_000),
      Array.from(Array(130).keys()),
    );
    assert.equal(reachedMs, 7_800_000);
  }),
);

Deno.test(
  "windows that begin a millisecond apart are each found, also where one turn ends and the next begins",
  withRows(Array.from({ length: 130 }, (_, i) => row(i / 1000)), async (readBack) => {
    const sought = { ...SOUGHT, untilMs: 129, limit: 999 };
    const { aggregates, reachedMs } = await readBack.rowsOfSeries("plant", sought, NEVER);
    assert.deepEqual(aggregates.map(({ windowStartMs }) => windowStartMs), Array.from(Array(129).keys()));
    assert.equal(reachedMs, 129);
  }),
);

Deno.test("a search ends after 135 turns, and tells where the next one goes on", async () => {
  let asked = 0;
  // A table in which a window begins each millisecond, all of another series.
  const readBack = new SqliteReadBack(() => {
    const from = 64 * asked++;
    return Promise.resolve(Array.from({ length: 64 }, (_, i) => from + i) as never);
  });
  Object.assign(readBack, { ofSeries: () => Promise.resolve([]) });
  const { reachedMs } = await readBack.rowsOfSeries("plant", { ...SOUGHT, untilMs: 1e12 }, NEVER);
  assert.deepEqual([asked, reachedMs], [135, 135 * 64]);
});

Deno.test("a claim is replaced only where it is the one that was found", async () => {
  using database = new DatabaseSync(":memory:");
  database.exec(CREATE_WRITER_TABLE);
  const [claim, other] = [new SqliteClaim(database, "plant"), new SqliteClaim(database, "other")];
  const first = { stateId: "state", boot: 1, life: "life", nextId: 3 };
  assert.equal(await claim.read(), undefined);
  assert.equal(await claim.replace(undefined, first), true);
  assert.equal(await other.replace(undefined, { ...first, life: "of another" }), true);
  assert.equal(await claim.replace(undefined, { ...first, life: "late" }), false, "there is one by now");
  const next = { stateId: "another", boot: 2, life: "later", nextId: 9 };
  for (const changed of [{ life: "x" }, { nextId: 4 }]) {
    assert.equal(await claim.replace({ ...first, ...changed }, next), false);
    assert.deepEqual({ ...await claim.read() }, first);
  }
  assert.equal(await claim.replace(first, next), true);
  assert.deepEqual({ ...await claim.read() }, next);
  assert.deepEqual({ ...await other.read() }, { ...first, life: "of another" });
});

Deno.test("a claim is moved on with the batches of its life only, and never back", async () => {
  using database = new DatabaseSync(":memory:");
  database.exec(CREATE_WRITER_TABLE);
  const claim = new SqliteClaim(database, "plant");
  assert.equal(claim.nextId, 0);
  assert.equal(claim.moveTo("life", 5), false);
  await claim.replace(undefined, { stateId: "state", boot: 1, life: "life", nextId: 3 });
  const moves = [5, 4].map((nextId) => [claim.moveTo("life", nextId), claim.nextId]);
  assert.deepEqual(moves, [[true, 5], [true, 5]]);
  assert.deepEqual([claim.moveTo("another", 9), claim.nextId], [false, 5]);
});

Deno.test("a table is made with labels in its key, which begins with the window", () => {
  using database = new DatabaseSync(":memory:");
  assert.equal(isTableMissing(database), true);
  assert.deepEqual(prepareTables(database), { hasLabels: true, isWindowFirst: true });
  assert.equal(isTableMissing(database), false);
  const indexes = () =>
    database.prepare("select name from sqlite_schema where type = 'index' and sql is not null").all().length;
  assert.equal(indexes(), 0);
  database.exec("drop table aggregated_events");
  database.exec(
    `create table aggregated_events (name text, agg_func text, window_start real, window_end real, instance text,
       value real, count integer, revision integer, written_at real default 0,
       primary key (name, agg_func, window_start, window_end, instance))`,
  );
  assert.deepEqual(prepareTables(database), { hasLabels: false, isWindowFirst: false });
  assert.equal(indexes(), 1, "for the windows");
  assert.deepEqual(shapeOf(database), { hasLabels: false, isWindowFirst: false });
});
