/** Every command of section 2 says what it does, and does it without a running handler where it can. */
import assert from "node:assert/strict";
import {
  assertNoStackTrace,
  executablePath,
  type Output,
  PATIENCE_MS,
  Program,
  runCheck,
  runToEnd,
  temporaryDirectory,
  until,
} from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { Bus, handlerEnvironment, sqlitePath, sqliteSink } from "./plant.ts";

const COMMANDS = [
  "run",
  "once",
  "demo",
  "bus",
  "check",
  "schema",
  "status",
  "health",
  "verify",
  "backup",
  "restore",
  "dead-letters",
];

Deno.test("--version is one line with the version; --help lists every command", async () => {
  const version = await runToEnd(["--version"]);
  assertDone(version);
  assert.match(version.stdout.trim(), /^[^\n]*\d+\.\d+\.\d+[^\n]*$/);
  assert.equal(version.stderr, "");
  assert.deepEqual(await runToEnd(["dead-letters", "list", "--version"]), version);
  const help = await runToEnd(["--help"]);
  assertDone(help);
  for (const command of COMMANDS) assert.match(help.stdout, new RegExp(`^ +${command}\\b`, "m"));
});

for (
  const command of [
    ...COMMANDS,
    ...["list", "export", "retry", "purge"].map((word) => `dead-letters ${word}`),
  ]
) {
  Deno.test(`${command} --help`, async () => {
    const help = await runToEnd([...command.split(" "), "--help"]);
    assertDone(help);
    assert.match(help.stdout, /usage/i);
    assert.ok(help.stdout.includes(command), help.stdout);
    assert.equal(help.stderr, "");
  });
}

for (const args of ["--version", "--help", "once --help", "completion bash"]) {
  Deno.test(`${args}, to a disk that is full: says so, and exits with 1`, async () => {
    const command = `exec '${executablePath()}' ${args} > /dev/full`;
    await using program = Program.start(["-c", command], {}, "/bin/sh");
    assert.equal(await program.ended(), 1);
    assert.match(program.stderr, /^Not all of the output could be written: No space left on device\b.*\.\n$/);
  });
}

Deno.test("check reaches everything, shows the effective settings and no secret", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  await Deno.writeTextFile(`${directory.path}/token`, "swordfish\n");
  const environment = handlerEnvironment(bus.url, directory.path, {
    AGGREGATION_INTERVAL: "7.5",
    VABUS_TOKEN_FILE: `${directory.path}/token`,
  });
  const good = await runCheck(environment);
  assertDone(good);
  assert.match(good.stdout, /AGGREGATION_INTERVAL.*7\.5/);
  assert.ok(good.stdout.includes(bus.url));
  assert.doesNotMatch(good.stdout + good.stderr, /swordfish/);

  const port = freePort();
  const bad = await runCheck({
    ...environment,
    STORAGE_TYPE: "postgres,sqlite",
    POSTGRES_CONNECTION_STRING: `postgres://plant:hunter2@127.0.0.1:${port}/plant`,
  });
  assert.notEqual(bad.code, 0);
  assertNoStackTrace(bad);
  assert.match(bad.stdout + bad.stderr, /postgres/i);
  assert.doesNotMatch(bad.stdout + bad.stderr, /hunter2|swordfish/);
});

Deno.test("a flag beats the environment", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path, { AGGREGATION_INTERVAL: "60" });
  const output = await runCheck(environment, ["check", "--aggregation-interval", "12"]);
  assertDone(output);
  assert.match(output.stdout, /AGGREGATION_INTERVAL.*\b12\b/);
});

Deno.test("settings come from --env-file, under the environment", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const file = `${directory.path}/plant.env`;
  await Deno.writeTextFile(file, `AGGREGATION_INTERVAL=33\nSTATE_DIR=/nowhere\n`);
  const output = await runCheck(handlerEnvironment(bus.url, directory.path), ["check", "--env-file", file]);
  assertDone(output);
  assert.match(output.stdout, /AGGREGATION_INTERVAL.*\b33\b/);
  assert.ok(output.stdout.includes(`${directory.path}/state`), output.stdout);
});

Deno.test("status tells the state, in words and as JSON, while the handler runs and afterwards", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path);
  await bus.publish(oldEvents());
  await using handler = Program.start(["run"], environment);
  const inSqlite = sqliteSink(sqlitePath(directory.path));
  await until(async () => await inSqlite.sumOfCounts() === 2, "both good events", PATIENCE_MS, [handler]);
  const status = async () => {
    const output = await runToEnd(["status", "--json"], environment);
    assertDone(output);
    return JSON.parse(output.stdout);
  };
  const running = await status();
  assert.equal(running.accounting.received, 4);
  assert.equal(running.accounting.aggregated, 2);
  assert.equal(running.accounting.invalid, 2);
  const ready = () => runToEnd(["status"], environment).then(({ stdout }) => /^ready +yes$/m.test(stdout));
  await until(ready, "ready", PATIENCE_MS, [handler]);
  assert.equal(await handler.stop(), 0);
  assert.deepEqual((await status()).accounting, running.accounting);
  const words = await runToEnd(["status"], environment);
  assertDone(words);
  assert.match(words.stdout, /invalid/);
  assert.doesNotMatch(words.stdout, /ready/i, "nothing runs");
  assert.equal((await status()).causes, null);
});

Deno.test("health asks the handler that runs, by whichever address it listens on", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const port = freePort();
  const environment = handlerEnvironment(bus.url, directory.path, { HTTP_LISTEN: `0.0.0.0:${port}` });
  const alone = await runToEnd(["health"], environment);
  assert.equal(alone.code, 1, alone.stdout);
  assert.ok(alone.stderr.includes(`http://127.0.0.1:${port}/healthz does not answer`), alone.stderr);
  assertNoStackTrace(alone);
  await using handler = Program.start(["run"], environment);
  await until(() => handler.stderr.includes(`"started"`), "the start", PATIENCE_MS, [handler]);
  const output = await runToEnd(["health"], environment);
  assertDone(output);
  assert.deepEqual(JSON.parse(output.stdout), { status: "ok" });
  // Whatever answers there: compose asks its bus so, with the handler's own settings.
  assertDone(await runToEnd(["health"], { ...environment, HTTP_LISTEN: new URL(bus.url).host }));
  const off = await runToEnd(["health"], { ...environment, HTTP_LISTEN: "off" });
  assert.equal(off.code, 2);
  assert.match(off.stderr, /no admin listener/);
});

Deno.test("reading commands without a state say so", async () => {
  await using directory = await temporaryDirectory();
  const environment = handlerEnvironment(`http://127.0.0.1:${freePort()}`, directory.path);
  for (const command of [["status"], ["verify"], ["dead-letters", "list"]]) {
    const output = await runToEnd(command, environment);
    assert.equal(output.code, 1, `${command.join(" ")}: ${output.stderr}`);
    assert.ok(output.stderr.includes(`${directory.path}/state`), output.stderr);
    assertNoStackTrace(output);
  }
});

Deno.test("dead letters are listed, exported, retried and purged", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path);
  // A clock that is a quarter of an hour fast: refused at first, right after the operator's word and a longer
  // leash.
  const future = Math.floor(Date.now() / 1000) + 900;
  await bus.publish([...oldEvents(), `{"name":"fast.clock","value":5,"timestamp":${future}}`]);
  assertDone(await runToEnd(["once"], environment));
  const deadLetters = async () => {
    const output = await runToEnd(["dead-letters", "export"], environment);
    assertDone(output);
    return output.stdout.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  };
  const before = await deadLetters();
  assert.deepEqual(before.map((deadLetter) => deadLetter.reason).sort(), ["future", "invalid", "invalid"]);
  const list = await runToEnd(["dead-letters", "list"], environment);
  assertDone(list);
  assert.match(list.stdout, /future/);
  assert.match(list.stdout, /invalid/);

  const patient = { ...environment, MAX_FUTURE_SKEW: "3600" };
  const retried = await runToEnd(["dead-letters", "retry", "--all"], patient);
  assertDone(retried);
  assert.match(retried.stdout, /^3 dead letters taken in again; 2 of them refused again/);
  assertDone(await runToEnd(["once", "--flush"], patient));
  const inSqlite = sqliteSink(sqlitePath(directory.path));
  assert.equal(await inSqlite.sumOfCounts(), 3);
  // What is invalid stays invalid.
  assert.deepEqual((await deadLetters()).map((deadLetter) => deadLetter.reason), ["invalid", "invalid"]);
  assertDone(await runToEnd(["verify"], patient));

  assertDone(await runToEnd(["dead-letters", "purge", "--all"], patient));
  assert.deepEqual(await deadLetters(), []);
  assertDone(await runToEnd(["verify"], patient));
});

Deno.test("verify finds a row that somebody changed", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path);
  await bus.publish(oldEvents());
  assertDone(await runToEnd(["once"], environment));
  assertDone(await runToEnd(["verify"], environment));
  const { DatabaseSync } = await import("node:sqlite");
  for (const change of ["SET value = value + 1", "SET count = count + 1"]) {
    const database = new DatabaseSync(sqlitePath(directory.path));
    database.exec(`UPDATE aggregated_events ${change}`);
    database.close();
    const output = await runToEnd(["verify"], environment);
    assert.equal(output.code, 1, output.stdout + output.stderr);
    assert.match(output.stdout + output.stderr, /good/);
    assert.match(output.stdout, /^NOT PROVEN: \d differences? \(was a table restored, .*--since/m);
    assertNoStackTrace(output);
  }
});

Deno.test("demo shows events and aggregates without any set-up", async () => {
  await using directory = await temporaryDirectory();
  await using demo = Program.start(["demo"], {
    XDG_STATE_HOME: directory.path,
    HTTP_LISTEN: "off",
    TMPDIR: directory.path,
  });
  await until(() => (demo.stdout + demo.stderr).length > 200, "something to see", PATIENCE_MS, [demo]);
  assert.equal(await demo.stop(), 0, demo.tail());
  assertNoStackTrace(demo);
});

/** Two good events of one aggregate, two bad ones, in a window that has ended. */
function oldEvents(): string[] {
  const time = Math.floor(Date.now() / 60_000) * 60 - 600;
  return [
    `{"name":"good","value":1,"timestamp":${time}}`,
    `{"name":"bad","value":null,"timestamp":${time}}`,
    `{"bad":"bad"}`,
    `{"name":"good","value":2,"timestamp":${time + 1}}`,
  ];
}

function assertDone(output: Output): void {
  assert.equal(output.code, 0, output.stdout + output.stderr);
  assertNoStackTrace(output);
}
