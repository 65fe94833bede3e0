/**
 * The quick tests again and again, each time with another seed for all that they draw, until the time is up.
 *
 *   scripts/deno.sh run -A tests/hunt/properties.ts --minutes M --seed N
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { replayLine } from "../../scripts/replay_line.ts";
import { quickFiles, testFiles } from "../../scripts/test_groups.ts";
import { runTestProcess } from "../../scripts/test_process.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const { values } = parseArgs({ options: { minutes: { type: "string" }, seed: { type: "string" } } });
const minutes = Number(values.minutes);
const firstSeed = Number(values.seed);
if (!(minutes > 0) || !Number.isSafeInteger(firstSeed)) {
  console.error("usage: scripts/deno.sh run -A tests/hunt/properties.ts --minutes M --seed N");
  Deno.exit(2);
}
const group = { name: "quick tests", files: quickFiles(await testFiles(ROOT, "tests")) };
const deadlineMs = performance.now() + minutes * 60_000;
const found = new Set<string>();
let [seed, passed] = [firstSeed, 0];
do {
  const output: Uint8Array[] = [];
  const result = await runTestProcess(group, {
    cwd: ROOT,
    env: { TEST_SEED: `${seed}` },
    flags: ["--no-check"],
    write: (bytes) => void output.push(bytes),
    signal: new AbortController().signal,
  });
  passed += result.passed;
  const fresh = result.failures.filter(({ file, name }) => !found.has(`${file} ${name}`));
  if (fresh.length > 0) console.log(await new Blob(output as BlobPart[]).text());
  for (const { file, name } of fresh) {
    found.add(`${file} ${name}`);
    const args = name === undefined ? [file] : [file, "--filter", name];
    console.log(`replay: TEST_SEED=${seed} ${replayLine("test", args)}`);
  }
  seed++;
} while (performance.now() < deadlineMs);
console.log(`${seed - firstSeed} seeds from ${firstSeed}: ${passed} passed, ${found.size} tests failed`);
Deno.exit(found.size > 0 ? 1 : 0);
