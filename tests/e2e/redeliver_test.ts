/** Rows that real sinks have lost come back, on the built executable. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import postgres from "postgres";
import {
  type Environment,
  PATIENCE_MS,
  Program,
  runToEnd,
  temporaryDirectory,
  until,
} from "../support/executable.ts";
import { sharedKafka, sharedPostgres } from "../support/shared_servers.ts";
import { Bus, handlerEnvironment, postgresSink, sqlitePath, sqliteSink } from "./plant.ts";
import { readTopic } from "./topic.ts";

/** An hour that is over, whenever this runs. */
const HOUR = Math.floor(Date.now() / 3_600_000) * 3600 - 7200;
const MINUTES = 10;
const NAMES = ["a", "b", "c"];

function hourOfEvents(): string[] {
  return Array.from(
    { length: MINUTES },
    (_, minute) =>
      NAMES.map((name, i) => `{"name":"${name}","value":${i + 1},"timestamp":${HOUR + 60 * minute}}`),
  ).flat();
}

async function run(args: string[], environment: Environment, code = 0): Promise<string> {
  const output = await runToEnd(args, environment);
  assert.equal(output.code, code, `${args.join(" ")}: ${output.stdout}${output.stderr}`);
  return output.stdout + output.stderr;
}

Deno.test("PostgreSQL: rows that were deleted, truncated, or restored from an older backup come back", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const server = await sharedPostgres();
  const table = `lost_${crypto.randomUUID().slice(0, 8)}`;
  const sql = postgres(server.url, { max: 1, onnotice: () => {} });
  try {
    const environment = handlerEnvironment(bus.url, directory.path, {
      STORAGE_TYPE: "postgres",
      POSTGRES_CONNECTION_STRING: server.url,
      POSTGRES_TABLE: table,
    });
    await bus.publish(hourOfEvents());
    await run(["once", "--flush"], environment);
    await sql`create table ${sql(`${table}_old`)} as select * from ${sql(table)}`;
    await bus.publish(hourOfEvents().slice(0, 9));
    await run(["once", "--flush"], environment);
    const rows = async () =>
      (await postgresSink(server.url, table).rows()).sort((x, y) =>
        x.windowStartMs - y.windowStartMs || (x.name < y.name ? -1 : 1)
      );
    const right = await rows();
    const mend = ["redeliver", "--sink", "postgres", "--since", `${HOUR}`];
    const damages: [what: string, damage: () => Promise<unknown>][] = [
      ["deleted", () => sql`delete from ${sql(table)} where name = 'b'`],
      ["truncated", () => sql`truncate ${sql(table)}`],
      ["restored", async () => {
        await sql`truncate ${sql(table)}`;
        await sql`insert into ${sql(table)} select * from ${sql(`${table}_old`)}`;
      }],
      ["changed", () => sql`update ${sql(table)} set value = 77, count = 5 where name = 'a'`],
      ["nothing", () => Promise.resolve()],
    ];
    for (const [what, damage] of damages) {
      await damage();
      await run(["verify"], environment, what === "nothing" ? 0 : 1);
      assert.match(
        await run(mend, environment),
        /^30 rows of 10 windows sent again to postgres by this command$/m,
      );
      assert.deepEqual(await rows(), right, what);
      assert.match(await run(["verify"], environment), /^PROVEN/m);
    }
    // Only the span; and a higher revision is somebody's who knows more.
    await sql`delete from ${sql(table)}`;
    const part = [...mend, "--until", new Date((HOUR + 120) * 1000).toISOString(), "--json"];
    const report = JSON.parse((await runToEnd(part, environment)).stdout);
    assert.deepEqual([report.rows_sent, report.windows, report.proof.proven], [6, 2, true]);
    assert.equal((await rows()).length, 6);
    await run(["verify"], environment, 1);
    await sql`update ${sql(table)} set revision = 9, value = 5 where name = 'a'`;
    assert.match(await run(mend, environment, 1), /^NOT PROVEN/m);
    assert.deepEqual((await rows()).filter(({ name, revision }) => name === "a" && revision === 9).length, 2);
  } finally {
    await sql.end();
    await server.remove();
  }
});

Deno.test("SQLite: a running handler sends again what its file has lost", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path, { STORAGE_TYPE: "sqlite" });
  await bus.publish(hourOfEvents());
  await run(["once", "--flush"], environment);
  await using handler = Program.start(["run"], environment);
  await until(() => /"started"|started/.test(handler.stderr), "the handler to start", PATIENCE_MS, [handler]);
  const database = new DatabaseSync(sqlitePath(directory.path), { timeout: 5000 });
  database.exec("delete from aggregated_events where name != 'c'");
  database.close();
  const text = await run(["redeliver", "--sink", "sqlite", "--since", `${HOUR}`], environment);
  assert.match(text, /^30 rows of 10 windows sent again to sqlite by the running handler$/m);
  assert.match(text, /^PROVEN/m);
  assert.equal((await sqliteSink(sqlitePath(directory.path)).rows()).length, 30);
  assert.match(await run(["verify"], environment), /^PROVEN: no event is lost/m);
});

Deno.test("Kafka: only by word, and what is there twice then is no difference", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const broker = await sharedKafka();
  try {
    const topic = `again-${crypto.randomUUID().slice(0, 8)}`;
    const environment = handlerEnvironment(bus.url, directory.path, {
      STORAGE_TYPE: "kafka",
      KAFKA_BOOTSTRAP_SERVERS: broker.brokers.join(","),
      KAFKA_TOPIC: topic,
      // Another test's handler of the same instance would take over its transactions.
      INSTANCE_ID: topic,
    });
    await bus.publish(hourOfEvents());
    await run(["once", "--flush"], environment);
    const mend = ["redeliver", "--sink", "kafka", "--since", `${HOUR}`, "--until", `${HOUR + 60}`];
    assert.match(await run(mend, environment, 2), /kafka cannot overwrite.*--allow-duplicates/);
    assert.match(await run([...mend, "--allow-duplicates"], environment), /^3 rows of 1 window sent/m);
    assert.equal((await readTopic(broker.brokers, topic)).length, 33);
    assert.match(await run(["verify", "--kafka"], environment), /^PROVEN/m);
    await bus.publish(hourOfEvents());
    await run(["once", "--flush"], environment);
    assert.equal((await readTopic(broker.brokers, topic)).length, 63);
    assert.match(await run(["verify", "--kafka"], environment), /^PROVEN/m);
  } finally {
    await broker.remove();
  }
});

Deno.test("redeliver says what is wrong with what it is asked for", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path, { STORAGE_TYPE: "sqlite,stdout" });
  await bus.publish(hourOfEvents());
  await run(["once", "--flush"], environment);
  const sqlite = ["redeliver", "--sink", "sqlite"];
  for (
    const [args, code, words] of [
      [["redeliver"], 2, /needs --sink NAME\. There are: sqlite, stdout/],
      [["redeliver", "--sink", "kafka", "--since", "0"], 2, /kafka: there is no such sink.*sqlite, stdout/],
      [sqlite, 2, /needs --since T/],
      [[...sqlite, "--since", "yesterday"], 2, /--since/],
      [[...sqlite, "--since", "2026-01-31T06:00"], 2, /--since/],
      [[...sqlite, "--since", "2026-02-31"], 2, /--since.*does not exist in the calendar/],
      [["verify", "--since", "2026-02-31"], 2, /--since.*does not exist in the calendar/],
      [[...sqlite, "--since", "20", "--until", "10"], 2, /--until .* is not after --since/],
      [[...sqlite, "--since", "10", "--until", "10"], 2, /--until .* is not after --since/],
      [
        [...sqlite, "--since", "0", "--until", "100"],
        1,
        /no window that starts from .* It has windows from /,
      ],
      [[...sqlite, "--since", "99999999999999"], 1, /no window that starts from /],
      [["redeliver", "--sink", "stdout", "--since", "0"], 2, /stdout cannot overwrite/],
    ] as const
  ) {
    assert.match(await run([...args], environment, code), words, args.join(" "));
  }
  const output = await runToEnd(
    ["redeliver", "--sink", "stdout", "--since", "0", "--allow-duplicates"],
    environment,
  );
  assert.equal(output.code, 0, output.stderr);
  assert.equal(output.stdout.trimEnd().split("\n").length, 30);
  assert.match(output.stderr, /30 rows of 10 windows sent again to stdout/);
});

Deno.test("verify refuses a span in which the state has no window, and reads no sink for it", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path, { STORAGE_TYPE: "sqlite" });
  await run(["once"], environment);
  assert.match(await run(["verify"], environment), /^PROVEN/m, "nothing at all is proven without a span");
  assert.match(await run(["verify", "--since", "0"], environment, 1), /It has no closed window at all/);
  await bus.publish(hourOfEvents());
  await run(["once", "--flush"], environment);
  assert.match(await run(["verify", "--since", `${HOUR}`], environment), /^PROVEN for the windows/m);
  const away = { ...environment, SQLITE_PATH: `${directory.path}/gone/away.db` };
  const fleet = ["--fleet", environment.STATE_DIR!];
  for (const since of [`${HOUR}000`, "2130-01-01"]) {
    for (const more of [[], ["--json"], fleet]) {
      const told = await run(["verify", "--since", since, ...more], away, 1);
      assert.match(told, /no window that starts from .* to now\. It has windows from /, `${since} ${more}`);
      assert.doesNotMatch(told, /PROVEN/i);
    }
  }
});
