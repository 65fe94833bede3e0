/** Archives from files and from stdin, with the built program. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import {
  executablePath,
  PATIENCE_MS,
  pause,
  Program,
  runToEnd,
  surroundings,
  temporaryDirectory,
  until,
} from "../support/executable.ts";
import { eventStream, randomNumbers, recentBaseMs } from "../support/event_stream.ts";
import { Oracle } from "../support/oracle.ts";
import { testSeed } from "../support/seed.ts";
import { handlerEnvironment, INSTANCE, observed, sqlitePath, sqliteSink } from "./plant.ts";
import { assertExact } from "./proof.ts";

const SEED = testSeed(110);
const WINDOW_MS = 60_000;
const KILLS = 4;
const LIFE_MAX_MS = 2500;

function archive(eventCount: number, oracle: Oracle): string[] {
  const stream = eventStream({
    seed: SEED,
    eventCount,
    nameCount: 100,
    baseMs: recentBaseMs(WINDOW_MS, 10),
    windowSizeMs: WINDOW_MS,
    windowCount: 10,
  });
  // Some are written over several lines.
  return [...observed(stream, oracle)].map((text) => text.replaceAll(/[\r\n]+/g, " "));
}

Deno.test(`an archive in several files, plain and gzip, with ${KILLS} × kill -9: each line is counted once`, async () => {
  const random = randomNumbers(SEED);
  await using directory = await temporaryDirectory();
  const oracle = new Oracle(WINDOW_MS);
  const texts = archive(120_000, oracle);
  const files = `${directory.path}/archive`;
  await Deno.mkdir(files);
  await Deno.writeTextFile(`${files}/1.ndjson`, texts.slice(0, 50_000).join("\n"));
  await Deno.writeTextFile(`${files}/2.ndjson`, `${texts.slice(50_000, 70_000).join("\n")}\n`);
  await Deno.writeFile(`${files}/3.ndjson.gz`, gzipSync(texts.slice(70_000).join("\r\n")));
  const environment = handlerEnvironment(`file://${files}/*.ndjson*`, directory.path, {
    STORAGE_TYPE: "sqlite",
    VABUS_BATCH_SIZE: "500",
    CHECKPOINT_INTERVAL: "0.2",
  });
  for (let life = 0; life < KILLS; life++) {
    await using handler = Program.start(["once"], environment);
    await Promise.race([pause(random() * LIFE_MAX_MS), handler.exit]);
    if (handler.exitCode === undefined) await handler.kill9();
  }
  const last = await runToEnd(["once", "--flush"], environment);
  assert.equal(last.code, 0, last.stderr);
  await assertExact(oracle, environment);
});

Deno.test("a log that is followed, over a rotation and a restart", async () => {
  await using directory = await temporaryDirectory();
  const oracle = new Oracle(WINDOW_MS);
  const texts = archive(4000, oracle);
  const path = `${directory.path}/app.log`;
  const environment = handlerEnvironment(`file://${path}?follow=true`, directory.path, {
    STORAGE_TYPE: "sqlite",
    CHECKPOINT_INTERVAL: "0.2",
  });
  const append = (from: number, to: number, name = path) =>
    Deno.writeTextFile(name, texts.slice(from, to).map((text) => `${text}\n`).join(""), { append: true });
  const inSqlite = sqliteSink(sqlitePath(directory.path));
  await append(0, 1000);
  {
    await using handler = Program.start(["run"], environment);
    await until(() => inSqlite.sumOfCounts(), "aggregates of its beginning", PATIENCE_MS, [handler]);
    await Deno.rename(path, `${path}.1`);
    await append(1000, 2000, `${path}.1`);
    await append(2000, 3000);
    await handler.kill9();
  }
  await append(3000, texts.length);
  await using handler = Program.start(["run"], environment);
  await until(
    async () => await inSqlite.sumOfCounts() === oracle.counts.aggregated,
    "all lines to be in the sink",
    PATIENCE_MS,
    [handler],
  );
  assert.equal(await handler.stop(), 0, handler.tail());
  oracle.assertRows(await inSqlite.rows(), "SQLite", INSTANCE);
});

Deno.test("lines through a pipe are waited for until it ends", async () => {
  await using directory = await temporaryDirectory();
  const oracle = new Oracle(WINDOW_MS);
  const texts = archive(5000, oracle);
  const environment = handlerEnvironment("stdin:", directory.path, { STORAGE_TYPE: "sqlite" });
  const child = new Deno.Command(executablePath(), {
    args: ["once", "--flush"],
    clearEnv: true,
    env: { ...surroundings(directory.path), ...environment },
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  for (let at = 0; at < texts.length; at += 1000) {
    const text = texts.slice(at, at + 1000).join("\n");
    await writer.write(new TextEncoder().encode(at + 1000 < texts.length ? `${text}\n` : text));
    await pause(100);
  }
  await writer.close();
  const { code, stderr } = await child.output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  oracle.assertRows(await sqliteSink(sqlitePath(directory.path)).rows(), "SQLite", INSTANCE);
});

Deno.test("CSV: an archive in one command; what does not fit is a dead letter with its reason", async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/plant.csv`;
  const base = recentBaseMs(WINDOW_MS, 10) / 1000;
  await Deno.writeTextFile(
    path,
    `device;temp;ts\noven;20;${base}\noven;22;${base + 1}\nkiln;"3\noven;24;${base + 2}`,
  );
  const environment = handlerEnvironment(
    `file://${path}?format=csv&name={/device}&value=/temp&timestamp=/ts`,
    directory.path,
    { STORAGE_TYPE: "sqlite", AGG_FUNCTIONS: "*=avg" },
  );
  const once = await runToEnd(["once", "--flush"], environment);
  assert.equal(once.code, 0, once.stderr);
  const rows = await sqliteSink(sqlitePath(directory.path)).rows();
  assert.deepEqual(rows.map(({ name, value, count }) => [name, value, count]), [["oven", 22, 3]]);
  const deadLetters = await runToEnd(["dead-letters", "list"], environment);
  assert.match(deadLetters.stdout, /a quote that does not end/);
  const byte = (await Deno.readTextFile(path)).indexOf("kiln");
  assert.ok(deadLetters.stdout.includes(`[file://${path} ${path} @ byte ${byte}]`), deadLetters.stdout);
});
