import assert from "node:assert/strict";
import { inOrderOfKey } from "../../../src/sinks/sqlite/sqlite_table.ts";
import { aggregateOf } from "../../contract/sink_samples.ts";

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
    assert.deepEqual(inOrderOfKey(shuffled, { hasLabels: true, isWindowFirst: true }), rows);
  }
  const [ofB, ...others] = rows;
  assert.deepEqual(
    inOrderOfKey(rows.toReversed(), { hasLabels: true, isWindowFirst: false }).map(({ name }) => name),
    ["a", "a", "a", "b", "b"],
    "a former key begins with the name",
  );
  assert.deepEqual(inOrderOfKey([...others, ofB!], { hasLabels: true, isWindowFirst: true })[0], ofB);
});
