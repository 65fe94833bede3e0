/**
 * Two lives of one state: it was copied while a handler ran on it, or rolled back by a snapshot. Real sinks
 * detect it.
 */
import assert from "node:assert/strict";
import postgres from "postgres";
import {
  assertNoStackTrace,
  PATIENCE_MS,
  Program,
  runToEnd,
  temporaryDirectory,
  until,
} from "../support/executable.ts";
import { sharedPostgres } from "../support/shared_servers.ts";
import { arrival, BusProgram, handlerEnvironment, postgresSink, Sinks } from "./plant.ts";
import { readTopic } from "./topic.ts";

const REFUSED =
  /PostgreSQL, table \S+: it .*this state .*a copy of one that another handler runs on, or was rolled back/;

/** Which start of a handler writes to the table. */
async function bootOf(url: string, table: string): Promise<number> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    const [row] = await sql`select boot::float8 from ${sql(`${table}_writer`)}`;
    return row!.boot;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function copyDirectory(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) {
    // SQLite makes it anew; it may change while it is copied.
    if (!name.endsWith("-shm")) await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

Deno.test("a state that was rolled back without `restore` writes to no sink, until it gets an identity of its own", async () => {
  await using directory = await temporaryDirectory();
  await using sinks = await Sinks.start(directory.path);
  await using bus = await BusProgram.start(`${directory.path}/bus`);
  const environment = handlerEnvironment(bus.url, directory.path, sinks.environment);
  const event = (name: string) =>
    `{"name":"${name}","value":1,"timestamp":${Math.floor(Date.now() / 1000) - 1800}}`;
  const [state, snapshot] = [`${directory.path}/state`, `${directory.path}/snapshot`];
  {
    await using handler = Program.start(["run"], environment);
    await bus.publish([event("a")]);
    for (const sink of [sinks.inPostgres, sinks.inSqlite]) {
      await arrival(sink, 1, "a sink", PATIENCE_MS, [handler]);
    }
    await handler.stop();
    await copyDirectory(state, snapshot);
  }
  {
    // A restart, and more, of which the snapshot knows nothing.
    await using handler = Program.start(["run"], environment);
    await bus.publish([event("b"), event("c")]);
    for (const sink of [sinks.inPostgres, sinks.inSqlite]) {
      await arrival(sink, 3, "a sink", PATIENCE_MS, [handler]);
    }
    // Its position is all that a topic tells: it must have got further than the snapshot.
    await until(
      async () => (await readTopic(sinks.kafka.brokers, sinks.environment.KAFKA_TOPIC!)).length === 3,
      "the topic to have all",
      PATIENCE_MS,
      [handler],
    );
    await handler.kill9();
    assert.doesNotMatch(handler.stderr, /another life|rolled back/);
  }
  const rowsBefore = await sinks.inPostgres.rows();
  await Deno.rename(state, `${directory.path}/newer`);
  await Deno.rename(snapshot, state);
  {
    await using handler = Program.start(["run"], environment);
    await bus.publish([event("d")]);
    await until(
      () =>
        ["kafka", "postgres", "sqlite"].every((sink) =>
          handler.stderr.split("\n").some((line) =>
            line.includes("cannot deliver") && line.includes("rolled back") &&
            line.includes(`"sink":"${sink}"`)
          )
        ),
      "all sinks to be refused",
      PATIENCE_MS,
      [handler],
    );
    assert.match(handler.stderr, REFUSED);
    assert.match(handler.stderr, /--accept-sink postgres/);
    await handler.stop();
    assertNoStackTrace(handler);
  }
  assert.deepEqual(await sinks.inPostgres.rows(), rowsBefore);
  const backup = `${directory.path}/backup`;
  for (const args of [["backup", "--to", backup], ["restore", "--from", backup, "--replace"]]) {
    const { code, stderr } = await runToEnd(args, environment);
    assert.equal(code, 0, stderr);
  }
  await using handler = Program.start(["run"], environment);
  for (const sink of [sinks.inPostgres, sinks.inSqlite]) {
    await arrival(sink, 4, "a sink", PATIENCE_MS, [handler]);
  }
  assert.equal(await handler.stop(), 0, handler.tail());
});

Deno.test("of two handlers on copies of one state the first is told, and comes back by the operator's word only", async () => {
  await using directory = await temporaryDirectory();
  await using servers = new AsyncDisposableStack();
  const database = await sharedPostgres();
  const table = `lives_${crypto.randomUUID().slice(0, 8)}`;
  servers.defer(() => database.remove());
  await using bus = await BusProgram.start(`${directory.path}/bus`);
  const environment = handlerEnvironment(bus.url, directory.path, {
    STORAGE_TYPE: "postgres",
    POSTGRES_CONNECTION_STRING: database.url,
    POSTGRES_TABLE: table,
  });
  const event = `{"name":"a","value":1,"timestamp":${Math.floor(Date.now() / 1000) - 1800}}`;
  await using first = Program.start(["run"], environment);
  const inPostgres = postgresSink(database.url, table);
  await bus.publish([event]);
  await arrival(inPostgres, 1, "PostgreSQL", PATIENCE_MS, [first]);
  await copyDirectory(`${directory.path}/state`, `${directory.path}/copy`);
  {
    await using second = Program.start(["run"], { ...environment, STATE_DIR: `${directory.path}/copy` });
    await until(
      async () => await bootOf(database.url, table) === 2,
      "the second one to claim it",
      PATIENCE_MS,
      [
        second,
      ],
    );
    await bus.publish([event]);
    await until(() => REFUSED.test(first.stderr), "the first one to be told", PATIENCE_MS, [first, second]);
    assert.doesNotMatch(second.stderr, REFUSED);
    assert.equal(await second.stop(), 0, second.tail());
  }
  assert.equal(await first.stop(), 0, first.tail());
  const refused = await runToEnd(["once"], environment);
  assert.equal(refused.code, 75, refused.stderr);
  assert.match(refused.stderr, REFUSED);
  const accepted = await runToEnd(["once", "--accept-sink", "postgres"], environment);
  assert.equal(accepted.code, 0, accepted.stderr);
  assert.equal((await runToEnd(["once"], environment)).code, 0);
});
