/** Several sinks of a kind, each with an id, settings, a cursor and a proof of its own. */
import assert from "node:assert/strict";
import postgres from "postgres";
import { PATIENCE_MS, Program, runCheck, runToEnd, temporaryDirectory } from "../support/executable.ts";
import { sharedKafka, sharedPostgres } from "../support/shared_servers.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";
import { arrival, Bus, handlerEnvironment, postgresSink, sqlitePath, sqliteSink } from "./plant.ts";

const LONG_AGO = Math.floor(Date.now() / 60_000) * 60 - 600;
const event = (name: string, window = 0) =>
  `{"name":"${name}","value":1,"timestamp":${LONG_AGO + 60 * window}}`;
const namesIn = (rows: readonly { readonly name: string }[]) => rows.map(({ name }) => name).sort();

Deno.test("two databases: while one is away the other gets its rows, and after a kill -9 both have all of theirs", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const server = await sharedPostgres();
  const database = `history_${crypto.randomUUID().slice(0, 8)}`;
  const sql = postgres(server.url, { max: 1, onnotice: () => {} });
  await sql.unsafe(`create database ${database}`);
  const serverUrl = new URL(server.url);
  const historyUrl = server.url.replace(/\/postgres$/, `/${database}`);
  await using wire = TcpProxy.start();
  wire.leadTo(Number(serverUrl.port));
  wire.cut();
  const table = `e2e_${database}`;
  const environment = handlerEnvironment(bus.url, directory.path, {
    STORAGE_TYPE: "postgres,history:postgres",
    POSTGRES_CONNECTION_STRING: server.url,
    POSTGRES_TABLE: table,
    HISTORY_POSTGRES_CONNECTION_STRING: historyUrl.replace(serverUrl.host, wire.address),
    ROUTES: "both=postgres,history;plain=postgres;*=history",
    AGGREGATION_INTERVAL: "60",
  });
  try {
    const failed = await runCheck(environment);
    assert.equal(failed.code, 1);
    assert.match(failed.stdout, /^ok {6}sink postgres: /m);
    assert.match(failed.stdout, /^FAILED {2}sink history: /m);
    assert.doesNotMatch(failed.stdout + failed.stderr, new RegExp(serverUrl.password));

    await bus.publish([event("both"), event("plain"), event("old"), event("both", 3)]);
    const [near, far] = [postgresSink(server.url, table), postgresSink(historyUrl)];
    {
      await using program = Program.start(["run"], environment);
      await arrival(near, 3, "the near database", PATIENCE_MS, [program]);
      await program.kill9();
    }
    assert.equal(await far.sumOfCounts(), 0);
    wire.mend();
    const end = await runToEnd(["once", "--flush"], environment);
    assert.equal(end.code, 0, end.stderr);
    assert.deepEqual(namesIn(await near.rows()), ["both", "both", "plain"]);
    assert.deepEqual(namesIn(await far.rows()), ["both", "both", "old"]);

    const verify = await runToEnd(["verify"], environment);
    assert.equal(verify.code, 0, verify.stdout + verify.stderr);
    assert.match(verify.stdout, /^postgres +equal: 3 of 3 events/m);
    assert.match(verify.stdout, /^history +equal: 3 of 3 events/m);
    const fine = await runCheck(environment);
    assert.equal(fine.code, 0, fine.stdout + fine.stderr);
  } finally {
    await sql.unsafe(`drop table if exists ${table}, ${table}_writer`);
    await sql.unsafe(`drop database ${database} with (force)`);
    await sql.end();
  }
});

Deno.test("two files: proven, sent again, backed up and forgotten by their ids", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const history = `${directory.path}/history.sqlite`;
  const environment = handlerEnvironment(bus.url, directory.path, {
    STORAGE_TYPE: "sqlite,history:sqlite",
    HISTORY_SQLITE_PATH: history,
    ROUTES: "now=sqlite;*=history,sqlite",
  });
  const done = async (...args: string[]) => {
    const output = await runToEnd(args, environment);
    assert.equal(output.code, 0, output.stderr + output.stdout);
    return output.stdout;
  };
  await bus.publish([event("now"), event("ever")]);
  await done("once");
  assert.deepEqual(namesIn(await sqliteSink(sqlitePath(directory.path)).rows()), ["ever", "now"]);
  assert.deepEqual(namesIn(await sqliteSink(history).rows()), ["ever"]);

  await Deno.remove(history);
  const lost = await runToEnd(["verify"], environment);
  assert.equal(lost.code, 1, lost.stdout);
  assert.match(lost.stdout, /^sqlite +equal/m);
  assert.match(await done("redeliver", "--sink", "history", "--since", `${LONG_AGO}`), /1 row .*to history/);
  assert.match(await done("verify"), /^history +equal/m);
  const { STORAGE_TYPE: _, ROUTES: __, ...shell } = environment;
  const alone = {
    ...shell,
    STATE_DIR: `${directory.path}/alone`,
    HISTORY_SQLITE_PATH: `${directory.path}/a.db`,
  };
  await runToEnd(["once"], { ...alone, STORAGE_TYPE: "history:sqlite" });
  const guessed = await runToEnd(["verify"], alone);
  assert.equal(guessed.code, 1, guessed.stdout);
  assert.match(guessed.stdout, /^history +FAILED: .* STORAGE_TYPE=history:sqlite/m);
  assert.doesNotMatch(guessed.stdout, /^sqlite/m, "no handler delivers to the default");
  for (const partial of [shell, { ...shell, STORAGE_TYPE: "sqlite" }]) {
    const half = await runToEnd(["verify"], partial);
    assert.equal(half.code, 1, half.stdout);
    assert.match(
      half.stdout,
      /^history +FAILED: .* STORAGE_TYPE=sqlite,history:sqlite and what belongs to it$/m,
    );
    assert.match(half.stdout, /^sqlite +equal/m);
  }

  const unclear = await runToEnd(
    ["backup", "--to", `${directory.path}/s.backup`, "--sink-to", `${directory.path}/h.backup`],
    environment,
  );
  assert.equal(unclear.code, 2);
  assert.match(unclear.stderr, /several embedded sinks \(sqlite, history\)\. Say by --sink which/);
  await done(
    "backup",
    "--to",
    `${directory.path}/s.backup`,
    "--sink-to",
    `${directory.path}/h.backup`,
    "--sink",
    "history",
  );
  assert.deepEqual(namesIn(await sqliteSink(`${directory.path}/h.backup`).rows()), ["ever"]);

  const without = { ...environment, STORAGE_TYPE: "sqlite", ROUTES: "*=sqlite" };
  const gone = await runToEnd(["once", "--forget-sink", "history"], without);
  assert.equal(gone.code, 0, gone.stderr);
  const verify = await runToEnd(["verify"], without);
  assert.equal(verify.code, 0, verify.stdout);
});

Deno.test("two topics on one cluster: each has a position and a transactional id of its own", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const brokers = (await sharedKafka()).brokers.join(",");
  const topic = `e2e-${crypto.randomUUID().slice(0, 8)}`;
  const environment = handlerEnvironment(bus.url, directory.path, {
    STORAGE_TYPE: "kafka,far:kafka",
    KAFKA_BOOTSTRAP_SERVERS: brokers,
    KAFKA_TOPIC: topic,
    FAR_KAFKA_BOOTSTRAP_SERVERS: brokers,
    FAR_KAFKA_TOPIC: `${topic}-far`,
    ROUTES: "far=far;*=kafka,far",
  });
  for (let round = 0; round < 2; round++) {
    await bus.publish([event("far", round), event("all", round)]);
    const once = await runToEnd(["once"], environment);
    assert.equal(once.code, 0, once.stderr);
  }
  const verify = await runToEnd(["verify", "--kafka"], environment);
  assert.equal(verify.code, 0, verify.stdout + verify.stderr);
  assert.match(verify.stdout, /^kafka +equal: 2 of 2 events/m);
  assert.match(verify.stdout, /^far +equal: 4 of 4 events/m);
});

Deno.test("flags of a sink with an id are taken; a misspelt one, and one of a sink that there is not, are told", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path, { STORAGE_TYPE: "sqlite,history:sqlite" });
  const path = `${directory.path}/by-flag.sqlite`;
  await bus.publish([event("a")]);
  const once = await runToEnd(["once", "--history-sqlite-path", path], environment);
  assert.equal(once.code, 0, once.stderr);
  assert.equal(await sqliteSink(path).sumOfCounts(), 1);
  const misspelt = await runToEnd(["once", `--histroy-sqlite-path=${path}`], environment);
  assert.equal(misspelt.code, 2);
  assert.match(misspelt.stderr, /--histroy-sqlite-path is no flag; did you mean --history-sqlite-path\?/);
  const ofNone = await runToEnd(["once", "--archive-sqlite-mode", "0640"], environment);
  assert.equal(ofNone.code, 2);
  assert.match(ofNone.stderr, /--archive-sqlite-mode .*archive:sqlite/);
  const inEnvironment = await runToEnd(["once"], { ...environment, HISTRY_SQLITE_PATH: path });
  assert.equal(inEnvironment.code, 2);
  assert.match(
    inEnvironment.stderr,
    /HISTRY_SQLITE_PATH \(environment\) is no setting; did you mean HISTORY_SQLITE_PATH\?/,
  );
});

Deno.test("what is wrong at the table of a sink with an id is told by the names of its settings", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const server = await sharedPostgres();
  const environment = handlerEnvironment(bus.url, directory.path, {
    STORAGE_TYPE: "history:postgres",
    HISTORY_POSTGRES_CONNECTION_STRING: server.url,
    HISTORY_POSTGRES_TABLE: `missing_${crypto.randomUUID().slice(0, 8)}`,
    HISTORY_POSTGRES_CREATE_TABLE: "false",
  });
  const check = await runCheck(environment);
  assert.equal(check.code, 1, check.stdout);
  assert.match(check.stdout, /^FAILED {2}sink history: .*HISTORY_POSTGRES_CREATE_TABLE/m);
});
