/** Every change of an operator leaves an entry: who, when, what, and the result. */
import assert from "node:assert/strict";
import {
  type Environment,
  PATIENCE_MS,
  Program,
  runToEnd,
  temporaryDirectory,
  until,
} from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { Bus, handlerEnvironment, sqlitePath } from "./plant.ts";

interface Line {
  readonly at: number;
  readonly who: string;
  readonly action: string;
  readonly detail: string;
  readonly result: string | null;
}

async function audit(environment: Environment, ...args: string[]): Promise<Line[]> {
  const { code, stdout, stderr } = await runToEnd(["status", "--json", ...args], environment);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout).audit;
}

async function done(args: readonly string[], environment: Environment): Promise<void> {
  const output = await runToEnd(args, environment);
  assert.equal(output.code, 0, `${args.join(" ")}: ${output.stderr}`);
}

Deno.test("every order of an operator is in status, newest first, with who gave it and what came of it", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path, { SUDO_USER: "alice" });
  const at = Math.floor(Date.now() / 1000) - 1800;
  await bus.publish([`{"name":"press","value":1,"timestamp":${at}}`, `{"name":"press"}`, `{"name":"oven"}`]);
  await done(["once", "--flush"], environment);
  assert.deepEqual(await audit(environment), []);

  await done(["dead-letters", "retry", "--id", "1"], environment);
  await done(["dead-letters", "purge", "--all"], environment);
  await done(["redeliver", "--sink", "sqlite", "--since", `${at - 3600}`], environment);
  await done(["once", "--accept-sink", "sqlite"], environment);
  await bus.publish([`{"name":"press"}`, `{"name":"press"}`, `{"name":"press"}`]);
  await done(["once", "--skip-to", `${bus.url}=5`], environment);
  const backup = `${directory.path}/backup`;
  await done(["backup", "--to", backup], environment);
  await done(["restore", "--from", backup, "--replace"], environment);

  const lines = await audit(environment);
  assert.deepEqual(lines.map(({ action, detail }) => `${action} ${detail}`), [
    `restore --from ${backup}`,
    `--skip-to ${bus.url}=5`,
    "--accept-sink sqlite",
    `redeliver --sink sqlite --since ${new Date((at - 3600) * 1000).toISOString()}`,
    "dead-letters purge 2 dead letters (--all)",
    "dead-letters retry 1 dead letter (--id 1)",
  ]);
  assert.deepEqual(lines.map(({ result }) => result), [
    "the state of the backup goes on",
    "2 events given up",
    "taken as it is; 0 alarms settled",
    "1 row sent again",
    "2 purged",
    "1 taken in again; 1 of them refused again",
  ]);
  for (const { who, at: moment } of lines) {
    assert.match(who, /uid \d+.*by sudo from alice$/);
    assert.ok(moment > at);
  }
  const { stdout } = await runToEnd(["status", "--audit"], environment);
  assert.match(stdout, /ordered .*by sudo from alice: dead-letters purge 2 dead letters \(--all\): 2 purged/);
});

Deno.test("what a sink is given up with, and an alarm that a proof settles, have a line in the audit", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const both = handlerEnvironment(bus.url, directory.path, {
    STORAGE_TYPE: "sqlite,postgres",
    POSTGRES_CONNECTION_STRING: `postgres://vabus@127.0.0.1:${freePort()}/vabus`,
  });
  const environment = handlerEnvironment(bus.url, directory.path);
  const at = Math.floor(Date.now() / 1000) - 1800;
  await bus.publish([`{"name":"press","value":1,"timestamp":${at}}`]);
  await runToEnd(["once", "--flush"], both);
  await done(["once", "--forget-sink", "postgres"], environment);

  // The store is away, and a new one in its place; then somebody puts the old one back.
  const file = sqlitePath(directory.path);
  await Deno.rename(file, `${file}.away`);
  await done(["once"], environment);
  await Deno.rename(`${file}.away`, file);
  await done(["verify"], environment);
  await done(["verify"], environment);

  const lines = await audit(environment);
  assert.deepEqual(lines.map(({ action, detail, result }) => `${action} ${detail}: ${result}`), [
    "verify sqlite: proven; 1 alarm settled",
    "--forget-sink postgres: 1 aggregate given up",
  ]);
  for (const { who } of lines) assert.match(who, /uid \d+/);
});

Deno.test("what the running handler carries out gets its result from it", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path);
  await using handler = Program.start(["run"], environment);
  await bus.publish([`{"name":"press"}`]);
  await until(
    async () => /^#1 /.test((await runToEnd(["dead-letters", "list"], environment)).stdout),
    "the dead letter",
    PATIENCE_MS,
    [handler],
  );
  await done(["dead-letters", "purge", "--id", "1"], environment);
  await until(
    async () => (await audit(environment))[0]?.result === "1 purged",
    "the result",
    PATIENCE_MS,
    [handler],
  );
});
