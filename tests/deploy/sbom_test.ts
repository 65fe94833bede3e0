/** The bill of materials has everything in the executable, and nothing of the tests. */
import assert from "node:assert/strict";
import { npmPackages } from "../../scripts/npm_packages.ts";
import { sbom } from "../../scripts/sbom.ts";

const SHIPPED = ["@opentelemetry/api", "commander", "htm", "kafkajs", "postgres", "preact", "uplot", "zod"];

Deno.test("names the runtime and every package that is shipped, pinned by hash and with its licence", async () => {
  const bill = sbom({ version: "1.2.3", commit: "abc", denoVersion: "2.9.6" }, await npmPackages());
  const [runtime, ...libraries] = bill.components as { name: string; purl: string }[];
  assert.equal(runtime!.purl, "pkg:generic/deno@2.9.6");
  assert.deepEqual(libraries.map(({ name }) => name), SHIPPED);
  for (const library of libraries as { hashes?: { content: string }[]; licenses?: unknown[] }[]) {
    assert.match(library.hashes![0]!.content, /^[0-9a-f]{128}$/);
    assert.equal(library.licenses!.length, 1);
  }
});

Deno.test("every reference leads to a component; the same sources give the same document", async () => {
  const make = async () =>
    sbom({ version: "1.2.3", commit: "abc", denoVersion: "2.9.6" }, await npmPackages());
  const bill = await make();
  assert.deepEqual(await make(), bill);
  const known = new Set([bill.metadata.component["bom-ref"], ...bill.components.map((c) => c["bom-ref"])]);
  for (const { ref, dependsOn = [] } of bill.dependencies as { ref: string; dependsOn?: string[] }[]) {
    for (const id of [ref, ...dependsOn]) assert.ok(known.has(id), id);
  }
});
