/** The built executable under a wall clock that is wrong. */
import assert from "node:assert/strict";
import {
  assertNoStackTrace,
  type Environment,
  PATIENCE_MS,
  Program,
  runCheck,
  runToEnd,
  temporaryDirectory,
  until,
} from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { clocksAreRight, WrongClock } from "../support/wrong_clock.ts";
import { Bus, handlerEnvironment, sqlitePath, sqliteSink } from "./plant.ts";

const HOUR = 3600;
const DAY = 24 * HOUR;
const TRY_AGAIN_LATER = 75;

interface Scene {
  readonly bus: Bus;
  readonly clock: WrongClock;
  readonly environment: Environment;
  readonly directory: string;
}

const obstacle = clocksAreRight();
if (obstacle !== undefined) console.log(`wrong clocks are left out: ${obstacle}`);

function underWrongClock(name: string, work: (scene: Scene) => Promise<void>): void {
  Deno.test({
    name,
    ignore: obstacle !== undefined,
    fn: async () => {
      await using directory = await temporaryDirectory();
      await using bus = await Bus.start();
      const clock = await WrongClock.open(directory.path);
      const environment = { ...handlerEnvironment(bus.url, directory.path), ...clock.environment };
      await work({ bus, clock, environment, directory: directory.path });
    },
  });
}

const event = (timestamp: number, name = "a") => JSON.stringify({ name, value: 1, timestamp });
const seconds = () => Date.now() / 1000;

async function statusOf(environment: Environment) {
  const { stdout } = await runToEnd(["status", "--json"], environment);
  return JSON.parse(stdout);
}

async function assertProven(environment: Environment): Promise<void> {
  const proof = await runToEnd(["verify"], environment);
  assert.equal(proof.code, 0, proof.stdout + proof.stderr);
  assert.match(proof.stdout, /^PROVEN/m);
}

underWrongClock(
  "an hour behind: `once` takes nothing, says why and ends with 75; then it takes everything",
  async (scene) => {
    const { bus, clock, environment } = scene;
    await bus.publish([event(seconds()), event(seconds()), event(seconds())]);
    assert.equal((await runToEnd(["once"], environment)).code, 0);
    await bus.publish([event(seconds()), event(seconds())]);
    clock.setAhead(-HOUR);
    const behind = await runToEnd(["once"], environment);
    assert.equal(behind.code, TRY_AGAIN_LATER, behind.stderr);
    assert.match(behind.stderr, /clock_behind/);
    assert.match(behind.stderr, /this host's clock says .*, but http:\/\/127\.0\.0\.1:\d+ says that it is /);
    assertNoStackTrace(behind);
    const check = await runCheck(environment);
    assert.equal(check.code, 1, check.stdout);
    assert.match(check.stdout, /^FAILED {2}clock_behind: /m);
    assert.equal((await statusOf(environment)).accounting.received, 3);
    clock.setAhead(0);
    assert.equal((await runCheck(environment)).code, 0);
    assert.equal((await runToEnd(["once", "--flush"], environment)).code, 0);
    const { accounting } = await statusOf(environment);
    assert.deepEqual([accounting.aggregated, accounting.future], [5, 0]);
    await assertProven(environment);
  },
);

underWrongClock(
  "behind while it runs: /readyz says so, and reading goes on by itself",
  async ({ bus, clock, environment }) => {
    const port = freePort();
    const withListener = { ...environment, HTTP_LISTEN: `127.0.0.1:${port}` };
    const ready = async () => {
      const reply = await fetch(`http://127.0.0.1:${port}/readyz`);
      return { status: reply.status, body: await reply.json() };
    };
    clock.setAhead(-10 * DAY);
    await bus.publish([event(seconds()), event(seconds())]);
    await using handler = Program.start(["run"], withListener);
    const { status } = await until(
      async () => {
        const found = await ready();
        return found.body.causes.some(({ name }: { name: string }) => name === "clock_behind") && found;
      },
      "clock_behind in /readyz",
      PATIENCE_MS,
      [handler],
    );
    assert.equal(status, 503);
    clock.setAhead(0);
    await until(
      async () => (await statusOf(environment)).accounting.aggregated === 2,
      "the events",
      PATIENCE_MS,
      [
        handler,
      ],
    );
    await until(async () => (await ready()).status === 200, "readiness", PATIENCE_MS, [handler]);
    assert.equal(await handler.stop(), 0, handler.tail());
    assert.equal(handler.stderr.match(/clock_behind/g)?.length, 1, handler.tail());
    assert.match(handler.stderr, /the clock is right again/);
    await assertProven(environment);
  },
);

underWrongClock(
  "three days ahead for a while: one event of then makes nobody late afterwards",
  async (scene) => {
    const { bus, clock, environment, directory } = scene;
    const start = Math.floor(seconds());
    await bus.publish([event(start), event(start)]);
    assert.equal((await runToEnd(["once"], environment)).code, 0);
    clock.setAhead(3 * DAY);
    await bus.publish([event(start + 3 * DAY, "ahead")]);
    // Twice: what has been delivered could be deleted now, and is still needed.
    for (let i = 0; i < 2; i++) assert.equal((await runToEnd(["once"], environment)).code, 0);
    clock.setAhead(0);
    await bus.publish(Array.from({ length: 5000 }, (_, i) => event(start - i / 50)));
    assert.equal((await runToEnd(["once", "--flush"], environment)).code, 0);
    const { accounting } = await statusOf(environment);
    assert.deepEqual([accounting.aggregated, accounting.late, accounting.future], [5003, 0, 0]);
    assert.equal(await sqliteSink(sqlitePath(directory)).sumOfCounts(), 5003);
    await assertProven(environment);
  },
);

Deno.test("a mass of refused events is told once, with its likely cause, in log, /readyz and status", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const port = freePort();
  const environment = handlerEnvironment(bus.url, directory.path, { HTTP_LISTEN: `127.0.0.1:${port}` });
  await using handler = Program.start(["run"], environment);
  await bus.publish(Array.from({ length: 200 }, () => event(Date.now())));
  const alarm = new RegExp(
    "200 of a minute's 200 events, and all of http.* are refused as future\\. They are of 1 series: .*\\. " +
      "Likely cause: timestamps are in milliseconds",
  );
  await until(
    async () => {
      const reply = await fetch(`http://127.0.0.1:${port}/readyz`);
      const { alarms = [] } = await reply.json();
      return reply.status === 200 && alarms.length === 1 && alarms[0].name === "events_refused_future" &&
        alarm.test(alarms[0].detail);
    },
    "the alarm in /readyz, which stays 200",
    PATIENCE_MS,
    [handler],
  );
  await until(
    async () => /^ALARM .*refused as future/m.test((await runToEnd(["status"], environment)).stdout),
    "the alarm in status",
    PATIENCE_MS,
    [handler],
  );
  assert.equal(await handler.stop(), 0, handler.tail());
  assert.equal(handler.stderr.match(/are refused as future/g)?.length, 1, handler.tail());
});

Deno.test("`once` tells of a mass of refused events as well, however few they are", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path);
  await bus.publish([event(seconds() + DAY), event(seconds() + DAY), event(seconds() + DAY)]);
  const output = await runToEnd(["once"], environment);
  assert.equal(output.code, 0, output.stderr);
  assert.match(output.stderr, /3 of a minute's 3 events, and all of http.* are refused as future/);
  assert.equal((await statusOf(environment)).refusal_alarms[0].reason, "future");
});
