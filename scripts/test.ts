/**
 * Runs the tests and closes with one line: `N passed, N failed`, and `, N skipped` where some were ignored.
 *
 *   scripts/deno.sh run -A scripts/test.ts [paths and flags of `deno test`]
 *
 * The exit code is not zero when a test failed, when the tests could not be loaded, or when none ran.
 */
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { javaBinary, kafkaClassPath, MissingPrerequisite, postgresBinDir } from "./servers.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const OUTPUT_GRACE_MS = 2_000;
const CLOSING_LINE =
  /^(?:ok|FAILED) \| (\d+) passed(?: \([^)]*\))? \| (\d+) failed(?: \([^)]*\))?(?: \| (\d+) ignored)?/;

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** Fetches what the servers need beforehand, so that no test waits for a download. */
async function prepareServers(): Promise<void> {
  const needs: (() => Promise<unknown>)[] = [];
  if (!Deno.env.get("TEST_POSTGRES_URL")) needs.push(postgresBinDir);
  if (!Deno.env.get("TEST_KAFKA_BROKERS")) needs.push(javaBinary, kafkaClassPath);
  for (const need of needs) {
    try {
      await need();
    } catch (error) {
      if (!(error instanceof MissingPrerequisite)) throw error;
      // The tests of this server will fail with the same words; the others are still worth running.
      console.error(error.message);
    }
  }
}

/** Runs `deno test` with its output passed on, and reads the counts from its closing line. */
async function runTests(args: string[]): Promise<Counts> {
  const paths = args.some(isPath) ? [] : ["tests/"];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "--allow-all", ...args, ...paths],
    cwd: ROOT,
    env: { VABUS_BIN: resolve(Deno.env.get("VABUS_BIN") || join(ROOT, "dist", "vabus-data-handler")) },
    stdin: "null",
    stdout: "piped",
  }).spawn();
  // Without a closing line the tests did not even load, or the runner died.
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  const output = passOn(child.stdout, counts);
  const { success } = await child.status;
  // A server that a test left behind may hold the pipe open for ever.
  await Promise.race([output, delay(OUTPUT_GRACE_MS)]);
  return { ...counts, failed: success ? counts.failed : Math.max(counts.failed, 1) };
}

/** Copies the output to stdout and writes what its last closing line says into `counts`. */
async function passOn(output: ReadableStream<Uint8Array>, counts: Counts): Promise<void> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of output) {
    await writeAll(chunk);
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) Object.assign(counts, parseClosingLine(line));
  }
  if (rest !== "") console.log();
}

function parseClosingLine(line: string): Counts | undefined {
  const match = CLOSING_LINE.exec(stripVTControlCharacters(line));
  if (match === null) return undefined;
  const [, passed, failed, ignored] = match;
  return { passed: Number(passed), failed: Number(failed), skipped: Number(ignored ?? 0) };
}

function isPath(argument: string): boolean {
  try {
    Deno.statSync(resolve(ROOT, argument));
    return true;
  } catch {
    return false;
  }
}

async function writeAll(bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await Deno.stdout.write(bytes.subarray(written));
}

await prepareServers();
const { passed, failed, skipped } = await runTests(Deno.args);
if (passed + failed === 0) console.error("No test ran.");
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
Deno.exit(failed > 0 || passed === 0 ? 1 : 0);
