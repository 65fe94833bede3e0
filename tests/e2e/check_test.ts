/**
 * `run` can do what `check` accepts. `check` reports in the same words what `run` could not do. On real
 * servers, without a trace.
 */
import assert from "node:assert/strict";
import postgres from "postgres";
import {
  type Environment,
  PATIENCE_MS,
  Program,
  runCheck,
  runToEnd,
  temporaryDirectory,
  until,
} from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { kafkaClient, kafkaIsExternal, startKafka } from "../support/kafka_broker.ts";
import { sharedPostgres } from "../support/shared_servers.ts";
import { assertBothSay } from "./verdict.ts";
import { Bus, handlerEnvironment, INSTANCE, sqlitePath } from "./plant.ts";

/** Text, so that a message reads in the log as it does in `check`. */
const TEXT = { LOG_FORMAT: "text" };

async function assertAccepted(environment: Environment): Promise<string> {
  const check = await runCheck(environment);
  assert.equal(check.code, 0, check.stdout + check.stderr);
  const run = await runToEnd(["once"], environment);
  assert.equal(run.code, 0, run.stderr);
  return check.stdout;
}

/** Names and sizes of all that is below a directory. */
function filesBelow(directory: string): string[] {
  return [...Deno.readDirSync(directory)].flatMap(({ name, isDirectory }) => {
    const path = `${directory}/${name}`;
    return isDirectory ? [path, ...filesBelow(path)] : [`${path} ${Deno.statSync(path).size}`];
  }).sort();
}

Deno.test("check and run agree on what this host has", async (t) => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  await bus.publish([
    JSON.stringify({ name: "a", value: 1, timestamp: Math.floor(Date.now() / 1000) - 600 }),
  ]);
  const file = `${directory.path}/file`;
  await Deno.writeTextFile(file, "");
  await Deno.mkdir(`${directory.path}/below`);
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  await using odd = await temporaryDirectory();
  const [link, garbage] = ["link", "garbage"].map((name) => `${odd.path}/${name}`);
  await Deno.symlink(`${odd.path}/nowhere`, link!);
  await Deno.writeTextFile(garbage!, "no database at all, and longer than the header of one: ".repeat(10));
  const environment = handlerEnvironment(bus.url, directory.path, TEXT);
  const faults: Record<string, [RegExp, Environment]> = {
    "a file of SQLite below a file": [/cannot be written: .*file is no directory.*SQLITE_PATH\./, {
      SQLITE_PATH: `${file}/x`,
    }],
    "a file of SQLite that is a directory": [/cannot be written: .* is a directory.*SQLITE_PATH\./, {
      SQLITE_PATH: `${directory.path}/below`,
    }],
    "a file of SQLite where nothing can be made": [
      /cannot be written: .*kept from this program.*SQLITE_PATH\./,
      {
        SQLITE_PATH: "/proc/aggregates.sqlite",
      },
    ],
    "a state directory below a file": [
      /the state directory .* cannot be used: .* is no directory\..*STATE_DIR\./,
      {
        STATE_DIR: `${file}/state`,
      },
    ],
    "a file of SQLite that is none": [/garbage: file is not a database.*SQLITE_PATH\./, {
      SQLITE_PATH: garbage!,
    }],
    "a file of SQLite that is a link to nothing": [
      /cannot be written: .*link is a link to .*nowhere, which is not there.*SQLITE_PATH\./,
      { SQLITE_PATH: link! },
    ],
    "a state directory that is a link to nothing": [
      /the state directory .* cannot be used: .*link is a link to .*, which is not there.*STATE_DIR\./,
      { STATE_DIR: link! },
    ],
    "a state directory that is a device": [/cannot be used: .*neither a file nor a directory.*STATE_DIR\./, {
      STATE_DIR: "/dev/null",
    }],
    "a port that another program has": [
      /The admin listener cannot have 127\.0\.0\.1:\d+ \(.*HTTP_LISTEN.*off\./,
      {
        HTTP_LISTEN: `127.0.0.1:${port}`,
      },
    ],
    "a bus that is away": [/no connection: connection refused/, {
      VABUS_URL: `http://127.0.0.1:${freePort()}`,
    }],
  };
  for (const [what, [words, more]] of Object.entries(faults)) {
    await t.step(
      what,
      () => assertBothSay(words, { ...environment, STATE_DIR: `${directory.path}/faulty`, ...more }),
    );
  }

  await t.step("nothing is left where there was nothing", async () => {
    const before = filesBelow(directory.path);
    const { code, stdout } = await runCheck({
      ...environment,
      STATE_DIR: `${directory.path}/new/state`,
      SQLITE_PATH: `${directory.path}/new/aggregates.sqlite`,
      HTTP_LISTEN: `127.0.0.1:${freePort()}`,
    });
    assert.equal(code, 0, stdout);
    assert.deepEqual(filesBelow(directory.path), before);
  });

  await t.step("beside a handler that runs, which has its port and its state", async () => {
    const running = { ...environment, HTTP_LISTEN: `127.0.0.1:${freePort()}` };
    await using handler = Program.start(["run"], running);
    await until(() => handler.stderr.includes("started"), "the start", PATIENCE_MS, [handler]);
    const { code, stdout } = await runCheck(running);
    assert.equal(code, 0, stdout);
    assert.match(stdout, new RegExp(`^ok +state: .*held by process ${handler.pid}: .*was not tried$`, "m"));
    assert.match(stdout, /^ok +admin listener: 127\.0\.0\.1:\d+ is the running handler's/m);
    assert.equal(await handler.stop(), 0);
  });

  await t.step("a state of another instance", async () => {
    await assertAccepted(environment);
    await assertBothSay(/belongs to INSTANCE_ID "e2e".*of its own\./, {
      ...environment,
      INSTANCE_ID: "other",
    });
  });

  await t.step("a sink that was taken out while aggregates wait for it", async () => {
    const away = { ...environment, STATE_DIR: `${directory.path}/waits`, STORAGE_TYPE: "postgres,sqlite" };
    const none = `postgres://nobody:none@127.0.0.1:${freePort()}/none`;
    const left = await runToEnd(["once", "--flush"], { ...away, POSTGRES_CONNECTION_STRING: none });
    assert.equal(left.code, 75, left.stderr);
    await assertBothSay(/\d+ aggregates still wait for the sink "postgres".*--forget-sink postgres/, {
      ...away,
      STORAGE_TYPE: "sqlite",
    });
  });
  assert.ok(filesBelow(directory.path).some((name) => name.startsWith(sqlitePath(directory.path))));
});

Deno.test("check and run agree on the rights in PostgreSQL", async (t) => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const server = await sharedPostgres();
  const sql = postgres(server.url, { max: 1, onnotice: () => {} });
  const own = `c${crypto.randomUUID().slice(0, 8)}`;
  const url = new URL(server.url);
  [url.username, url.password] = [own, "secret-of-check"];
  const environment = (table: string, more: Environment = {}) =>
    handlerEnvironment(bus.url, directory.path, {
      ...TEXT,
      STORAGE_TYPE: "postgres",
      STATE_DIR: `${directory.path}/${table}`,
      POSTGRES_CONNECTION_STRING: url.href,
      POSTGRES_TABLE: `${own}.${table}`,
      ...more,
    });
  const tables = async () =>
    (await sql<{ name: string }[]>`select relname as name from pg_class
      where relnamespace = ${own}::regnamespace order by 1`).map(({ name }) => name);
  const grant = (table: string, ...rights: string[]) =>
    sql.unsafe(
      `create table ${own}.${table} (like ${own}.model including all);
       grant ${rights.join(", ")} on ${own}.${table} to ${own}`,
    );
  try {
    await sql.unsafe(`create role ${own} login password 'secret-of-check'; create schema ${own}`);
    await t.step(
      "a schema that may not be used, one that may not be created in, and one that is not there",
      async () => {
        await assertBothSay(/permission denied for schema .*privilege.*\./, environment("model"));
        await sql.unsafe(`grant usage on schema ${own} to ${own}`);
        await assertBothSay(/permission denied for schema .*privilege.*\./, environment("model"));
        await assertBothSay(
          /schema "nowhere" does not exist .*POSTGRES_TABLE\./,
          environment("model", { POSTGRES_TABLE: "nowhere.t" }),
        );
      },
    );
    await t.step("a server that only reads", async () => {
      await sql.unsafe(
        `grant create on schema ${own} to ${own}; alter role ${own} set default_transaction_read_only = on`,
      );
      await assertBothSay(
        /read-only transaction .*only reads.*POSTGRES_CONNECTION_STRING\./,
        environment("model"),
      );
      await sql.unsafe(`alter role ${own} reset default_transaction_read_only`);
    });
    await t.step("all rights: nothing is made before run makes it", async () => {
      assert.deepEqual(await tables(), []);
      const check = await runCheck(environment("model"));
      assert.match(check.stdout, /table \S+model will be created$/m);
      assert.doesNotMatch(check.stderr, /created/);
      assert.deepEqual(await tables(), []);
      assert.match(await assertAccepted(environment("model")), /will be created/);
      assert.ok((await tables()).includes("model_writer"));
      assert.match(await assertAccepted(environment("model")), /model is there$/m);
    });
    await t.step("a table that may be read only, or not read, or not changed", async () => {
      const lacking = {
        no_insert: ["select", "update"],
        no_update: ["select", "insert"],
        no_select: ["insert", "update"],
      };
      for (const [table, rights] of Object.entries(lacking)) {
        await grant(table, ...rights);
        await assertBothSay(/permission denied for table no_\w+ .*privilege.*\./, environment(table));
      }
    });
    await t.step("a table of the writers that may not be used keeps nobody from writing", async () => {
      await grant("rows", "select", "insert", "update");
      await sql.unsafe(`create table ${own}.rows_writer (like ${own}.model_writer including all)`);
      assert.match(
        await assertAccepted(environment("rows")),
        /^WARNING sink postgres: two handlers on copies .* cannot be noticed/m,
      );
    });
    await t.step(
      "a table that is missing and may not be made",
      () =>
        assertBothSay(
          /has no table .*Run: create table/,
          environment("absent", { POSTGRES_CREATE_TABLE: "false" }),
        ),
    );
    assert.ok(!(await tables()).some((name) => name.startsWith("absent")));
  } finally {
    await sql.unsafe(`drop schema if exists ${own} cascade; drop role if exists ${own}`);
    await sql.end();
    await server.remove();
  }
});

/** The protocol's numbers. */
const [READ, WRITE, CREATE, DESCRIBE] = [3, 4, 5, 8];
const [TOPIC, GROUP, TRANSACTIONAL_ID] = [2, 3, 5];

Deno.test({
  name: "check and run agree on the rights in Kafka, and check fences nobody",
  ignore: kafkaIsExternal,
  fn: async (t) => {
    await using directory = await temporaryDirectory();
    await using bus = await Bus.start();
    const broker = await startKafka({
      settings: [
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users=User:ANONYMOUS;User:tester",
      ],
    });
    const admin = kafkaClient(broker.brokers).admin();
    await admin.connect();
    const grant = async (operation: number, resourceType: number, resourceName: string) => {
      const acl = { principal: "User:limited", host: "*", resourcePatternType: 3, permissionType: 3 };
      await admin.createAcls({ acl: [{ ...acl, operation, resourceType, resourceName }] });
    };
    const group = `vabus-data-handler.${INSTANCE}`;
    let states = 0;
    const environment = () =>
      handlerEnvironment(bus.url, directory.path, {
        ...TEXT,
        STORAGE_TYPE: "kafka",
        STATE_DIR: `${directory.path}/${states++}`,
        KAFKA_BOOTSTRAP_SERVERS: broker.saslBrokers.join(","),
        KAFKA_SASL_MECHANISM: "plain",
        KAFKA_SASL_USERNAME: "limited",
        KAFKA_SASL_PASSWORD: "kafka-secret",
        KAFKA_TOPIC: "rights",
      });
    const isThere = async () => (await admin.listTopics()).includes("rights");
    const topicRight = /Not authorized to access topics: .*KAFKA_TOPIC: WRITE.*missing\./;
    try {
      await t.step("one right after another", async () => {
        await grant(DESCRIBE, TOPIC, "rights");
        await assertBothSay(topicRight, environment());
        await grant(CREATE, TOPIC, "rights");
        await grant(WRITE, TOPIC, "rights");
        const transaction = /Transactional Id authorization failed.*at-least-once\./;
        assert.match((await runCheck(environment())).stdout, transaction);
        assert.equal(await isThere(), false, "to be made by run");
        await assertBothSay(transaction, environment());
        await grant(WRITE, TRANSACTIONAL_ID, group);
        await assertBothSay(/Group authorization failed.*begin with it\./, environment());
        await grant(READ, GROUP, group);
        // A handler notices that with its first record only.
        const noRead = await runCheck(environment());
        assert.match(noRead.stdout, topicRight);
        await grant(READ, TOPIC, "rights");
        assert.match(await assertAccepted(environment()), /topic rights has \d+ partition/);
      });
      await t.step("a handler that runs is not fenced, and no group is left", async () => {
        const running = environment();
        await using handler = Program.start(["run"], running);
        const event = (value: number) =>
          JSON.stringify({ name: "a", value, timestamp: Math.floor(Date.now() / 1000) - 600 + value });
        const end = async () =>
          (await admin.fetchTopicOffsets("rights")).reduce((sum, { high }) => sum + Number(high), 0);
        const arrives = async (value: number) => {
          const before = await end();
          await bus.publish([event(value), event(value + 200)]);
          await until(async () => await end() > before, "an aggregate", PATIENCE_MS, [handler]);
        };
        await arrives(0);
        const groups = (await admin.listGroups()).groups;
        assert.equal((await runCheck(running)).code, 0);
        assert.deepEqual((await admin.listGroups()).groups, groups);
        await arrives(60);
        assert.equal(await handler.stop(), 0);
        assert.doesNotMatch(handler.stderr, /cannot deliver/);
      });
    } finally {
      await admin.disconnect();
      await broker.remove();
    }
  },
});
