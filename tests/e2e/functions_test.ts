/** `AGG_FUNCTIONS`, from the bus to the sink and into the proof. */
import assert from "node:assert/strict";
import { runToEnd, temporaryDirectory } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { Bus, handlerEnvironment, sqlitePath, sqliteSink } from "./plant.ts";

Deno.test("events that name no function get those of their name; a change closes what is open as it is", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const base = Math.floor(Date.now() / 60_000) * 60 - 600;
  const event = (name: string, value: number, more = "") =>
    `{"name":"${name}","value":${value},"timestamp":${base + value}${more}}`;
  const run = (functions: string, ...args: string[]) =>
    runToEnd(
      args,
      handlerEnvironment(bus.url, directory.path, { STORAGE_TYPE: "sqlite", AGG_FUNCTIONS: functions }),
    );

  await bus.publish([
    event("oven.temperature", 4),
    event("oven.temperature", 2),
    event("oven.temperature", 9, ',"agg_func":"sum"'),
    event("debug.load", 1),
    event("oven.load", 3),
  ]);
  const first = await run("*.temperature=avg,min,max;debug.*=none", "once");
  assert.equal(first.code, 0, first.stderr);
  await bus.publish([event("oven.temperature", 6), event("oven.load", 5)]);
  const second = await run("*.temperature=last;*=count", "once", "--flush");
  assert.equal(second.code, 0, second.stderr);

  const rows = await sqliteSink(sqlitePath(directory.path)).rows();
  assert.deepEqual(
    rows.map(({ name, aggFunc, value, count }) => `${aggFunc}(${name}) = ${value} of ${count}`).sort(),
    [
      "avg(oven.temperature) = 3 of 2",
      "count(oven.load) = 1 of 1",
      "last(oven.temperature) = 6 of 1",
      "max(oven.temperature) = 4 of 2",
      "min(oven.temperature) = 2 of 2",
      "sum(oven.load) = 3 of 1",
      "sum(oven.temperature) = 9 of 1",
    ],
  );
  const status = await run("*=sum", "status");
  assert.match(status.stdout, /7 received = 6 aggregated .* \+ 1 dropped by AGG_FUNCTIONS/);
  assert.match(status.stdout, /count 10 times, once for each of their functions and windows/);
  const proof = await run("*=sum", "verify");
  assert.equal(proof.code, 0, proof.stdout + proof.stderr);
  assert.match(proof.stdout, /equal: 10 of 10 events/);
  assert.match(proof.stdout, /lost +1 event was dropped, by `none` in AGG_FUNCTIONS/);
  assert.match(proof.stdout, /PROVEN, except 1 that was lost/);
});

Deno.test("wrong rules are refused at start, each fault by name", async () => {
  await using directory = await temporaryDirectory();
  const environment = handlerEnvironment(`http://localhost:${freePort()}`, directory.path, {
    STORAGE_TYPE: "sqlite",
    AGG_FUNCTIONS: "*.temperature=mean;debug=none,sum",
  });
  const { code, stderr } = await runToEnd(["run"], environment);
  assert.equal(code, 2, stderr);
  assert.match(stderr, /AGG_FUNCTIONS.*"mean", which is no function; there are sum, avg/);
  assert.match(stderr, /AGG_FUNCTIONS.*names "none" beside a function/);
});
