import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { LONGEST, testFiles, testGroups } from "../../scripts/test_groups.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

Deno.test("every test file runs once, and those that take longest are there and come first", async () => {
  const files = await testFiles(ROOT, "tests");
  const groups = testGroups(files);
  assert.deepEqual(groups.flatMap((group) => group.files).sort(), files);
  assert.deepEqual(groups.slice(0, LONGEST.length).map(({ name }) => name), LONGEST);
});

Deno.test("a directory, with or without a slash at its end, and a file name what they hold", async () => {
  const inScripts = await testFiles(ROOT, "tests/scripts");
  assert.ok(inScripts.includes("tests/scripts/test_groups_test.ts"));
  assert.deepEqual(await testFiles(ROOT, "tests/scripts/"), inScripts);
  assert.deepEqual(await testFiles(ROOT, "tests/e2e/plant.ts"), ["tests/e2e/plant.ts"]);
});
