import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { compared, readResults, writeResults } from "../../bench/results.ts";
import { temporaryDirectory } from "../support/executable.ts";

Deno.test("a result that is lower by more than a tenth is slower; what has no result before is not compared", () => {
  const before = { a: 2, b: 2, c: 2, gone: 1 };
  const now = { a: 1.79, b: 1.81, c: 3, fresh: 0.1 };
  assert.deepEqual(compared(before, now), [
    { name: "a", before: 2, now: 1.79, isSlower: true },
    { name: "b", before: 2, now: 1.81, isSlower: false },
    { name: "c", before: 2, now: 3, isSlower: false },
  ]);
});

Deno.test("saved results replace those of the same name, and leave the others", async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, "results.json");
  writeFileSync(path, '{ "b": 1, "a": 2 }');
  writeResults(path, { b: 1.23456, c: 3 });
  assert.deepEqual(Object.entries(readResults(path)), [["a", 2], ["b", 1.235], ["c", 3]]);
  for (const wrong of ["[]", "null", '{ "a": "2" }', '{ "a": 0 }']) {
    writeFileSync(path, wrong);
    assert.throws(() => readResults(path), /something else than ratios/);
  }
});

Deno.test("the committed results are ones", () => {
  readResults(new URL("../../bench/results.json", import.meta.url));
});
