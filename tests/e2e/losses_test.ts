/** `verify` names everything that was ever dropped, on the built executable. */
import assert from "node:assert/strict";
import { type Environment, runToEnd, temporaryDirectory } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { Bus, handlerEnvironment } from "./plant.ts";

/** A minute that is over, whenever this runs. */
const TIME = Math.floor(Date.now() / 60_000) * 60 - 600;

const event = (name: string, value: unknown = 1) => JSON.stringify({ name, value, timestamp: TIME });

async function run(args: string[], environment: Environment, code = 0): Promise<string> {
  const output = await runToEnd(args, environment);
  assert.equal(output.code, code, `${args.join(" ")}: ${output.stdout}${output.stderr}`);
  return output.stdout;
}

interface LossReport {
  readonly name: string;
  readonly count: number;
  readonly reason: string | null;
  readonly sink: string | null;
}

async function losses(environment: Environment): Promise<{ told: string[]; text: string }> {
  const proof = JSON.parse(await run(["verify", "--json"], environment));
  assert.equal(proof.proven, true);
  const found = proof.losses as LossReport[];
  assert.equal(proof.lost, found.reduce((sum, { count }) => sum + count, 0));
  return {
    told: found.map(({ name, count, reason, sink }) =>
      [name, count, reason, sink].filter((x) => x !== null).join(" ")
    ),
    text: await run(["verify"], environment),
  };
}

Deno.test("verify names what was dropped by routes, by purging, by skipping and by forgetting a sink", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path, { ROUTES: "debug.*=none;*=sqlite" });
  await bus.publish([event("a"), event("a")]);
  await run(["once", "--flush"], environment);
  const clean = await losses(environment);
  assert.deepEqual(clean.told, []);
  assert.match(clean.text, /^PROVEN: no event is lost, none is counted twice$/m);

  await bus.publish([event("debug.x"), event("debug.x"), event("a", "garbage"), event("a", null)]);
  await run(["once", "--flush"], environment);
  const kept = await losses(environment);
  assert.deepEqual(kept.told, ["unrouted 2"]);
  assert.match(kept.text, /^refused +2 dead letters kept/m);
  await run(["dead-letters", "purge", "--id", "1"], environment);
  const purged = await losses(environment);
  assert.deepEqual(purged.told, ["purged 1 invalid", "unrouted 2"]);
  assert.match(purged.text, /^lost +1 event refused as invalid was purged by an operator$/m);
  assert.match(purged.text, /^lost +2 events went to no sink, by `none` in ROUTES$/m);
  assert.match(purged.text, /^PROVEN, except 3 that were lost/m);
  assert.doesNotMatch(purged.text, /no event is lost/);

  await bus.publish(Array.from({ length: 5 }, () => event("a")));
  await run(["once", "--flush", "--skip-to", `${bus.url}=9`], environment);
  assert.deepEqual((await losses(environment)).told, ["skipped 3", "purged 1 invalid", "unrouted 2"]);

  const away = { ...environment, STORAGE_TYPE: "sqlite,postgres", ROUTES: "debug.*=none;*=sqlite,postgres" };
  const unreachable = {
    ...away,
    POSTGRES_CONNECTION_STRING: `postgres://nobody@127.0.0.1:${freePort()}/nowhere`,
  };
  await bus.publish([event("b"), event("b")]);
  await run(["once", "--flush"], unreachable, 75);
  await run(["once", "--flush", "--forget-sink", "postgres"], environment);
  const told = await losses(environment);
  assert.deepEqual(told.told, ["skipped 3", "purged 1 invalid", "unrouted 2", "forgotten 2 postgres"]);
  assert.match(told.text, /^PROVEN, except 8 that were lost/m);

  // What goes to a sink after all is lost no more.
  await bus.publish([event("debug.x")]);
  await run(["once", "--flush"], { ...environment, ROUTES: "*=sqlite" });
  assert.deepEqual((await losses(environment)).told, [
    "skipped 3",
    "purged 1 invalid",
    "forgotten 2 postgres",
  ]);
});
