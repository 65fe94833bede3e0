import assert from "node:assert/strict";
import { PostgresReadBack } from "../../../src/sinks/postgres/postgres_read_back.ts";
import { NEVER } from "../../contract/sink_samples.ts";
import { errorOf, scriptedSession } from "./scripted_session.ts";

const SOUGHT = {
  name: "a",
  labels: {},
  aggFunc: undefined,
  lengthMs: undefined,
  fromMs: 0,
  untilMs: 90_000_000,
  limit: 2,
};
/** Rows of one start that are read at most, beyond the limit. */
const BEYOND = 50_000;

const rowAt = (startMs: number) => ({
  name: "a",
  labels: "{}",
  agg_func: "avg",
  value: 1,
  count: 2,
  revision: 0,
  window_start: startMs + 0.0001,
  window_end: startMs + 1000 - 0.0001,
});

/** Rows of a series in a table that has these starts of windows. */
async function rowsOf(
  starts: readonly number[],
  rows: readonly object[],
  { hasKey = true, sought = {} }: {
    hasKey?: boolean;
    sought?: Partial<Parameters<PostgresReadBack["rowsOfSeries"]>[1]>;
  } = {},
) {
  const { session, asked } = scriptedSession({
    "the key": [[{ hasKey, primaryKey: null }]],
    "the windows": [starts.map((startMs) => ({ startMs }))],
    "the rows of a series": [rows],
  });
  const readBack = new PostgresReadBack(session, "rows");
  const found = await readBack.rowsOfSeries("plant-1", { ...SOUGHT, ...sought }, NEVER);
  return { ...found, asked: asked.map(({ text }) => text) };
}

Deno.test("rows of a series are found to the end, or as far as one search goes", async () => {
  const none = await rowsOf([], []);
  assert.deepEqual([none.aggregates, none.reachedMs, none.asked.length], [[], SOUGHT.untilMs, 2]);
  assert.match(none.asked[1]!, /start >= to_timestamp\(0::float8\) and window_start < to_timestamp\(90000::/);
  const later = await rowsOf([], [], { sought: { fromMs: 1500 } });
  assert.match(later.asked[1]!, /window_start >= to_timestamp\(1\.5::float8\)/);
  const few = await rowsOf([1000, 2000], [rowAt(1000), rowAt(2000)]);
  assert.equal(few.reachedMs, SOUGHT.untilMs);
  assert.deepEqual(few.aggregates[1], {
    name: "a",
    aggFunc: "avg",
    value: 1,
    count: 2,
    revision: 0,
    windowStartMs: 2000,
    windowEndMs: 3000,
  });
  const starts = Array.from({ length: 5000 }, (_, i) => 1000 * i + 0.0001);
  assert.equal((await rowsOf(starts, [rowAt(0)])).reachedMs, 4_999_001, "just behind the last start");
  assert.equal((await rowsOf(starts.slice(1), [rowAt(0)])).reachedMs, SOUGHT.untilMs);
});

Deno.test("of more rows than a search takes, those of complete windows are given", async () => {
  const most = SOUGHT.limit + BEYOND;
  const rows = (...counts: readonly number[]) =>
    counts.flatMap((count, window) => Array.from({ length: count }, () => rowAt(1000 * (window + 1))));
  const starts = [1000, 2000];
  const cut = await rowsOf(starts, rows(most - 10, 10));
  assert.deepEqual([cut.aggregates.length, cut.reachedMs], [most - 10, 2000]);
  const short = await rowsOf(starts, rows(1, most - 1));
  assert.deepEqual([short.aggregates.length, short.reachedMs], [1, 2000]);
  const whole = await rowsOf(starts, rows(most - 11, 10));
  assert.deepEqual([whole.aggregates.length, whole.reachedMs], [most - 1, SOUGHT.untilMs]);
  const error = await errorOf(rowsOf(starts, rows(most)));
  assert.deepEqual([error.kind, /more than 50000 such rows/.test(error.message)], ["unavailable", true]);
  await assert.rejects(rowsOf(starts, rows(0, most), { sought: { fromMs: 2000 } }), /more than 50000/);
});

Deno.test("labels are asked for where the table has them in its key", async () => {
  const ask = async (hasKey: boolean, labels: Record<string, string>) =>
    (await rowsOf([1000], [], { hasKey, sought: { labels } })).asked.at(-1)!;
  assert.match(
    await ask(true, { line: "7" }),
    /labels::text as labels.* labels @> {"line":"7"}::text::jsonb /,
  );
  assert.match(await ask(false, { line: "7" }), /'{}' as labels.* and false order/);
  assert.match(await ask(false, {}), / and true order/);
});

Deno.test("a function and a length are asked for where they are given", async () => {
  const ask = async (sought: object) => (await rowsOf([1000], [], { sought })).asked.at(-1)!;
  assert.doesNotMatch(await ask({}), /agg_func =|round\(/);
  assert.match(await ask({ aggFunc: "sum", lengthMs: 60_000 }), /and agg_func = sum and round\(.* = 60000::/);
});

Deno.test("events are counted from a time on, in windows of one length or of all", async () => {
  for (const lengthMs of [undefined, 60_000]) {
    const { session, asked } = scriptedSession({ "the sum of counts": [[{ total: 12 }]] });
    const readBack = new PostgresReadBack(session, "rows");
    assert.equal(await readBack.sumOfCounts("plant-1", 2500, NEVER, lengthMs), 12);
    const { text } = asked[0]!;
    assert.match(text, /instance = plant-1 and window_start >= to_timestamp\(2\.5::float8\)/);
    assert.equal(/round\(.* = 60000::float8/.test(text), lengthMs !== undefined);
  }
});

Deno.test("the rows of a window have its times, and no labels where the table has none", async () => {
  for (const hasKey of [true, false]) {
    const { session, asked } = scriptedSession({
      "the key": [[{ hasKey, primaryKey: "rows_pkey" }]],
      "the rows of a window": [[rowAt(0)]],
    });
    const [row] = await new PostgresReadBack(session, "rows").rowsOfWindow("plant-1", 1500, 2500, NEVER);
    assert.deepEqual([row!.windowStartMs, row!.windowEndMs, row!.labels], [1500, 2500, undefined]);
    assert.equal(asked[1]!.answerMaxBytes, 2 ** 30, "millions of series");
    assert.match(asked[1]!.text, hasKey ? /labels::text as labels/ : /'{}' as labels/);
    assert.match(asked[1]!.text, /window_start = to_timestamp\(1\.5:.*window_end = to_timestamp\(2\.5:/);
  }
});
