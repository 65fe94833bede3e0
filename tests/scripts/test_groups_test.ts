import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { LONGEST, testFiles, testGroups } from "../../scripts/test_groups.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

Deno.test("every test file runs once, and those that take longest are there and come first", async () => {
  const files = await testFiles(ROOT, "tests");
  const groups = testGroups(ROOT, files);
  assert.deepEqual(groups.flatMap((group) => group.files).sort(), files);
  assert.deepEqual(groups.slice(0, LONGEST.length).map(({ name }) => name), LONGEST);
});

Deno.test("tests that use servers are known by what they load, and the others run in one process for a directory", async () => {
  const groups = testGroups(ROOT, await testFiles(ROOT, "tests"));
  const groupOf = (file: string) => groups.find(({ files }) => files.includes(file))!;
  for (
    const [file, name, usesServers] of [
      ["tests/sources/kafka/kafka_source_test.ts", undefined, true],
      ["tests/e2e/outage_test.ts", undefined, true],
      ["tests/deploy/deb_test.ts", undefined, true],
      ["tests/sources/nats/nats_source_test.ts", "tests/sources/nats", true],
      ["tests/sinks/sqlite/sqlite_sink_test.ts", undefined, false],
      ["tests/sim/sim_test.ts", undefined, false],
      ["tests/sources/kafka/kafka_url_test.ts", "tests/sources/kafka", false],
      ["tests/ingest/ingest_test.ts", "tests/ingest", false],
    ] as const
  ) {
    const group = groupOf(file);
    assert.deepEqual([group.name, group.usesServers], [name ?? file, usesServers], file);
  }
});

Deno.test("a directory, with or without a slash at its end, and a file name what they hold", async () => {
  const inScripts = await testFiles(ROOT, "tests/scripts");
  assert.ok(inScripts.includes("tests/scripts/test_groups_test.ts"));
  assert.deepEqual(await testFiles(ROOT, "tests/scripts/"), inScripts);
  assert.deepEqual(await testFiles(ROOT, "tests/e2e/plant.ts"), ["tests/e2e/plant.ts"]);
});
