import assert from "node:assert/strict";
import { uniqueSorted } from "../../../src/sinks/postgres/postgres_rows.ts";
import { aggregateOf } from "../../contract/sink_samples.ts";

Deno.test("of each row of a batch the highest revision stays, in the order of the key", () => {
  const first = aggregateOf({ windowStartMs: 1000, windowEndMs: 2000 });
  const rows = [
    { ...first, name: "b", revision: 2 },
    { ...first, windowStartMs: 2000, windowEndMs: 3000, name: "a" },
    { ...first, windowStartMs: 2000, windowEndMs: 3000, name: "a", labels: '{"site":"north"}' },
    { ...first, windowStartMs: 2000, windowEndMs: 3000, name: "a", labels: '{"site":"south"}' },
    { ...first, windowStartMs: 2000, windowEndMs: 3000, name: "b", aggFunc: "avg" },
    { ...first, windowStartMs: 2000, windowEndMs: 3000, name: "b", aggFunc: "sum" },
    // One start, another end: another window.
    { ...first, windowStartMs: 2000, windowEndMs: 4000, name: "a", labels: '{"site":"south"}' },
  ];
  const outdated = [0, 1].map((revision) => ({ ...rows[0]!, revision }));
  for (const given of [[...outdated, ...rows], [...rows, ...outdated].toReversed()]) {
    assert.deepEqual([...uniqueSorted(given)], rows);
  }
});
