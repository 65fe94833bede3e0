/** Upgrade and rollback on the same state: no loss, no duplicates. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { VERSION } from "../../src/version.ts";
import {
  assertNoStackTrace,
  PATIENCE_MS,
  Program,
  runCheck,
  runToEnd,
  temporaryDirectory,
  until,
} from "../support/executable.ts";
import { eventStream, recentBaseMs } from "../support/event_stream.ts";
import { Oracle } from "../support/oracle.ts";
import { schemaFixtures } from "../support/schema_fixtures.ts";
import { sharedPostgres } from "../support/shared_servers.ts";
import { arrival, Bus, handlerEnvironment, observed, postgresSink, sqlitePath, sqliteSink } from "./plant.ts";
import { assertExact, assertProven } from "./proof.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const WINDOW_MS = 60_000;
const PARTS = 5;
const PART_EVENTS = 8000;

for (const { version, ...fixture } of schemaFixtures()) {
  Deno.test(`a state of schema ${version} is read, goes on and is proven`, async () => {
    await using directory = await temporaryDirectory();
    await using bus = await Bus.start();
    const postgres = await sharedPostgres();
    try {
      const environment = handlerEnvironment(bus.url, directory.path, {
        INSTANCE_ID: "fixture",
        STORAGE_TYPE: "sqlite,postgres",
        POSTGRES_CONNECTION_STRING: postgres.url,
        POSTGRES_TABLE: `upgrade_${crypto.randomUUID().slice(0, 8)}`,
      });
      await Deno.mkdir(`${directory.path}/state`, { mode: 0o700 });
      await Deno.copyFile(fixture.state, `${directory.path}/state/state.sqlite`);
      await Deno.copyFile(fixture.sink, sqlitePath(directory.path));
      const expected = JSON.parse(await Deno.readTextFile(fixture.expected));

      const status = await runToEnd(["status", "--json"], environment);
      assert.equal(status.code, 0, status.stderr);
      const { state_file: _file, state_bytes: _bytes, running: _running, ...report } = JSON.parse(
        status.stdout,
      );
      // A later program may say more.
      assert.partialDeepStrictEqual(report, expected.report);
      assert.ok(report.open_windows.length > 0 && report.outbox.rows > 0 && report.dead_letters.total > 0);

      const inSqlite = sqliteSink(sqlitePath(directory.path));
      assert.equal((await inSqlite.rows()).length, expected.delivered);
      const once = await runToEnd(["once", "--flush"], environment);
      assert.equal(once.code, 0, once.stderr);
      const inPostgres = postgresSink(postgres.url, environment.POSTGRES_TABLE);
      assert.equal(await inSqlite.sumOfCounts(), report.accounting.aggregated);
      assert.equal(await inPostgres.sumOfCounts(), report.accounting.aggregated);
      await assertProven(environment);
    } finally {
      await postgres.remove();
    }
  });
}

Deno.test("upgrade and rollback on one state while events flow: every event once, whatever runs", async () => {
  await using directory = await temporaryDirectory();
  const [patch, major] = [
    await buildVersion(directory.path, "0.1.1"),
    await buildVersion(directory.path, "0.2.0", 1),
  ];
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path, { CHECKPOINT_INTERVAL: "0.2" });
  const inSqlite = sqliteSink(sqlitePath(directory.path));
  const oracle = new Oracle(WINDOW_MS);
  const texts = [...observed(
    eventStream({
      seed: 5,
      eventCount: PARTS * PART_EVENTS,
      nameCount: 100,
      baseMs: recentBaseMs(WINDOW_MS, 10),
      windowSizeMs: WINDOW_MS,
      windowCount: 10,
      // The sink's table is that of a release without labels.
      isLabelled: false,
    }),
    oracle,
  )];
  // The stream closes with some more events than it was asked for.
  const endOf = (part: number) => part === PARTS - 1 ? texts.length : (part + 1) * PART_EVENTS;
  const publish = (part: number) => bus.publish(texts.slice(part * PART_EVENTS, endOf(part)));
  /** One life of a version: it is stopped while it takes in a part of the events. */
  const live = async (part: number, version: string, executable?: string) => {
    await using handler = Program.start(["run"], environment, executable);
    await until(() => handler.stderr.includes(`"version":"${version}"`), "the start", PATIENCE_MS, [handler]);
    await publish(part);
    assert.equal(await handler.stop(), 0, handler.tail());
  };

  await live(0, VERSION);
  await live(1, "0.1.1", patch);
  await live(2, VERSION);
  const backup = `${directory.path}/before-upgrade`;
  assert.equal((await runToEnd(["backup", "--to", backup], environment)).code, 0);
  await live(3, "0.2.0", major);
  const refused = await runToEnd(["run"], environment);
  assert.equal(refused.code, 1, refused.stderr);
  assert.match(
    refused.stderr,
    /written by a newer version of this program \(schema \d+, this one knows \d+\)/,
  );
  assertNoStackTrace(refused);
  const status = await runToEnd(["status"], environment);
  assert.equal(status.code, 1, status.stderr);
  assert.match(status.stderr, /newer version/);

  const restored = await runToEnd(["restore", "--from", backup, "--replace"], environment);
  assert.equal(restored.code, 0, restored.stderr);
  await using handler = Program.start(["run"], environment);
  await publish(4);
  await arrival(inSqlite, oracle.counts.aggregated, "SQLite", PATIENCE_MS, [handler]);
  assert.equal(await handler.stop(), 0, handler.tail());
  await assertExact(oracle, environment);
});

Deno.test("blue-green: the new one is refused while the old one runs, and takes over when it has stopped", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path);
  await using blue = Program.start(["run"], environment);
  await until(() => blue.stderr.includes(`"started"`), "the start", PATIENCE_MS, [blue]);
  const early = await runToEnd(["run"], environment);
  assert.equal(early.code, 75, early.stderr);
  assert.match(early.stderr, new RegExp(`pid ${blue.pid}`));
  assert.equal(blue.exitCode, undefined);
  assert.equal((await runCheck(environment)).code, 0);
  assert.equal(await blue.stop(), 0);
  await using green = Program.start(["run"], environment);
  await until(() => green.stderr.includes(`"started"`), "the start", PATIENCE_MS, [green]);
  assert.equal(await green.stop(), 0);
});

/** Builds this very program as another version, with so many schema versions more than it has. */
async function buildVersion(directory: string, version: string, moreSchemas = 0): Promise<string> {
  const sources = join(directory, `src-${version}`);
  await copyTree(join(ROOT, "src"), sources);
  await Deno.mkdir(join(directory, "docs"), { recursive: true });
  await Deno.copyFile(join(ROOT, "docs", "runbook.md"), join(directory, "docs", "runbook.md"));
  const edit = async (file: string, from: string, to: string) => {
    const text = await Deno.readTextFile(join(sources, file));
    assert.ok(text.includes(from), `${file} does not hold ${from}`);
    await Deno.writeTextFile(join(sources, file), text.replace(from, to));
  };
  await edit("version.ts", `"${VERSION}"`, `"${version}"`);
  const added = '"CREATE TABLE IF NOT EXISTS of_later (a)",'.repeat(moreSchemas);
  await edit("state/file/schema.ts", "\n];", `\n  ${added}\n];`);
  if (moreSchemas > 0) {
    const next = "  `table open_page_keys ";
    const later = "  `table of_later of_later CREATE TABLE of_later (a)`,\n";
    await edit("state/file/present_schema.ts", next, later + next);
  }
  const executable = join(directory, `vabus-data-handler-${version}`);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--allow-all", "--quiet", join(ROOT, "scripts", "build.ts")],
      ...["--entry", join(sources, "main.ts"), "--output", executable, "--form", "self-extracting"],
    ],
    stdin: "null",
    stdout: "null",
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return executable;
}

async function copyTree(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    const [source, target] = [join(from, name), join(to, name)];
    if (isDirectory) await copyTree(source, target);
    else await Deno.copyFile(source, target);
  }
}
