import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { Aggregate } from "../../../src/aggregation/aggregate.ts";
import { inOrderOfKey, RowStatements, runsOf } from "../../../src/sinks/sqlite/sqlite_rows.ts";
import { prepareTables } from "../../../src/sinks/sqlite/sqlite_table.ts";
import { aggregateOf } from "../../contract/sink_samples.ts";
import fc from "../../support/fast_check.ts";

/** In the order of a key that begins with the window. */
const ORDERED = [
  [1000, "b", undefined],
  [2000, "a", undefined],
  [2000, "a", '{"site":"north"}'],
  [2000, "a", '{"site":"south"}'],
  [2000, "b", '{"site":"north"}'],
] as const;

Deno.test("rows are written in the order of the table's key, labels included", () => {
  const rows = ORDERED.map(([windowStartMs, name, labels]) =>
    aggregateOf({ windowStartMs, name, ...(labels !== undefined && { labels }) })
  );
  for (const shuffled of [rows.toReversed(), rows]) {
    assert.deepEqual([...inOrderOfKey(shuffled)], rows);
  }
});

/** Rows of which many share a window, and some a key. */
const batch = fc.array(
  fc.record({
    name: fc.nat({ max: 150 }).map((n) => `sensor${n}`),
    labels: fc.constantFrom(undefined, undefined, '{"site":"north"}'),
    aggFunc: fc.constantFrom("avg", "max"),
    windowStartMs: fc.constantFrom(0, 0, 0, 60_000),
    windowEndMs: fc.constantFrom(60_000, 60_000, 120_000),
    value: fc.nat({ max: 2 }),
    revision: fc.nat({ max: 2 }),
  }).map(({ labels, ...row }) => aggregateOf({ ...row, ...(labels !== undefined && { labels }) })),
  { maxLength: 700, size: "max" },
);

const keyOf = ({ name, labels = "{}", aggFunc, windowStartMs, windowEndMs }: Aggregate) =>
  [windowStartMs / 1000, name, labels, aggFunc, windowEndMs / 1000].join(" ");

/** What becomes of the rows when they are written one by one. */
function writeToModel(model: Map<string, Aggregate>, rows: readonly Aggregate[], overwrites: boolean) {
  const unwritten: string[] = [];
  for (const row of rows) {
    const held = model.get(keyOf(row));
    if (
      held === undefined || row.revision > held.revision || (overwrites && row.revision === held.revision)
    ) {
      model.set(keyOf(row), row);
    } else if (held.value !== row.value || held.count !== row.count) {
      unwritten.push(`${keyOf(row)} ${row.revision} ${row.value}: ${held.revision} ${held.value}`);
    }
  }
  return unwritten;
}

Deno.test("property: rows that are written in runs are there as if they were written one by one", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(batch, fc.boolean()), { maxLength: 3 }), (batches) => {
      const database = new DatabaseSync(":memory:");
      const shape = prepareTables(database);
      const statements = new RowStatements(database, shape.hasLabels, "plant-1");
      const model = new Map<string, Aggregate>();
      for (const [rows, overwrites] of batches) {
        const ordered = [...inOrderOfKey(rows)];
        const unwritten = [...runsOf(ordered)].flatMap((run) => statements.put(run, overwrites));
        assert.deepEqual(
          unwritten.map(({ row, held }) =>
            `${keyOf(row)} ${row.revision} ${row.value}: ${held!.revision} ${held!.value}`
          ),
          writeToModel(model, ordered, overwrites),
        );
      }
      const table = database.prepare(
        "select window_start, name, labels, agg_func, window_end, value, count, revision " +
          "from aggregated_events",
      ).all().map((row) => Object.values(row).join(" "));
      const expected = [...model.values()].map((row) =>
        [keyOf(row), row.value, row.count, row.revision].join(" ")
      );
      assert.deepEqual(table.toSorted(), expected.toSorted());
      database.close();
    }),
    { numRuns: 30 },
  );
});
