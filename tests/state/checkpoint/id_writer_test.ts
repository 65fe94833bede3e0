import assert from "node:assert/strict";
import { type Inside, withInside } from "../inside.ts";

const runs = ({ state }: Inside) =>
  state.all<{ source: string; last: number }>(
    "SELECT source, last_sequence AS last FROM recent_ids ORDER BY source, last_sequence",
  ).map(({ source, last }) => `${source} ${last}`);

function take(inside: Inside, source: number, ...ids: readonly string[]): void {
  inside.take(ids.map((id) => ({ name: "a", value: 1, timestamp: 1, id })), source);
}

Deno.test("of each source as many ids are stored as are remembered, in runs, those of others left alone", () =>
  withInside((inside) => {
    take(inside, 1, "of b");
    for (let i = 1; i <= 6; i++) {
      take(inside, 0, `${i}`);
      inside.save();
    }
    assert.deepEqual(runs(inside), ["a 4", "a 5", "a 6", "b 1"]);
    take(inside, 0, "7", "8");
    inside.save();
    assert.deepEqual(runs(inside), ["a 6", "a 8", "b 1"]);
    inside.save();
    assert.deepEqual(runs(inside), ["a 6", "a 8", "b 1"]);
  }, { sources: ["a", "b"], dedupMaxIds: 3 }));
