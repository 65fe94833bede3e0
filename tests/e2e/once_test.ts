/** The handler from cron: a fresh process each time. */
import assert from "node:assert/strict";
import {
  assertNoStackTrace,
  type Environment,
  type Output,
  runToEnd,
  temporaryDirectory,
} from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { eventStream, recentBaseMs } from "../support/event_stream.ts";
import { Oracle } from "../support/oracle.ts";
import { Bus, handlerEnvironment, INSTANCE, observed, sqlitePath, sqliteSink } from "./plant.ts";
import { assertExact } from "./proof.ts";

const WINDOW_MS = 60_000;
const DAY_S = 86_400;
/** sysexits.h, EX_TEMPFAIL. */
const TRY_AGAIN_LATER = 75;

Deno.test("`once` in a loop gives what `run` gives", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path, { VABUS_BATCH_SIZE: "1000" });
  const oracle = new Oracle(WINDOW_MS);
  const stream = eventStream({
    seed: 11,
    eventCount: 30_000,
    nameCount: 200,
    baseMs: recentBaseMs(WINDOW_MS, 10),
    windowSizeMs: WINDOW_MS,
    windowCount: 10,
  });
  const texts = [...observed(stream, oracle)];
  // Sizes that fit neither the batches nor the windows; at times there is nothing new.
  for (let at = 0, size = 0; at < texts.length; at += size, size = size === 0 ? 7919 : 0) {
    await bus.publish(texts.slice(at, at + size));
    assertDone(await runToEnd(["once"], environment));
  }
  await assertExact(oracle, environment);
});

Deno.test("open windows wait in the state for the next `once`; `--flush` closes them", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path, {
    AGGREGATION_INTERVAL: `${DAY_S}`,
    MAX_FUTURE_SKEW: `${2 * DAY_S}`,
  });
  const inSqlite = sqliteSink(sqlitePath(directory.path));
  // A day ahead of the clock: its window does not end while this runs, be it midnight.
  const timestamp = Date.now() / 1000 + DAY_S;
  await bus.publish([`{"name":"open","value":1,"timestamp":${timestamp}}`]);
  assertDone(await runToEnd(["once"], environment));
  assert.equal(await inSqlite.sumOfCounts(), 0);
  await bus.publish([`{"name":"open","value":2,"timestamp":${timestamp}}`]);
  assertDone(await runToEnd(["once"], environment));
  assert.equal(await inSqlite.sumOfCounts(), 0);
  assertDone(await runToEnd(["once", "--flush"], environment));
  const windowStartMs = Math.floor(Math.round(timestamp * 1000) / (DAY_S * 1000)) * DAY_S * 1000;
  assert.deepEqual(await inSqlite.rows(), [{
    name: "open",
    aggFunc: "sum",
    windowStartMs,
    windowEndMs: windowStartMs + DAY_S * 1000,
    value: 3,
    count: 2,
    revision: 0,
    instance: INSTANCE,
  }]);
});

Deno.test("`once` says to try again later when the bus is out of reach", async () => {
  await using directory = await temporaryDirectory();
  const url = `http://127.0.0.1:${freePort()}`;
  const output = await runToEnd(["once"], handlerEnvironment(url, directory.path));
  assertTryAgain(output, url);
  assert.equal(output.stderr.includes(`${url}: ${url}`), false, output.stderr);
});

Deno.test("`once` says to try again later when a sink is out of reach with work left, and loses nothing", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = (port: number): Environment =>
    handlerEnvironment(bus.url, directory.path, {
      STORAGE_TYPE: "postgres,sqlite",
      POSTGRES_CONNECTION_STRING: `postgres://user:hunter2@127.0.0.1:${port}/plant`,
    });
  await bus.publish([`{"name":"kept","value":1,"timestamp":${Date.now() / 1000 - 600}}`]);
  const output = await runToEnd(["once"], environment(freePort()));
  assertTryAgain(output, "postgres");
  assert.doesNotMatch(output.stderr + output.stdout, /hunter2/);
  // The sink that is there has got its rows; the other one's still wait.
  assert.equal(await sqliteSink(sqlitePath(directory.path)).sumOfCounts(), 1);
  assertTryAgain(await runToEnd(["once"], environment(freePort())), "postgres");
});

Deno.test("`once` does not pass over a sink that somebody has to mend, though nothing waits for it", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path);
  await Deno.writeTextFile(sqlitePath(directory.path), "no database at all ".repeat(20));
  const output = await runToEnd(["once"], environment);
  assertTryAgain(output, "nothing waits yet, but SQLite file");
  await Deno.remove(sqlitePath(directory.path));
  assertDone(await runToEnd(["once"], environment));
});

function assertDone(output: Output): void {
  assert.equal(output.code, 0, output.stdout + output.stderr);
}

function assertTryAgain(output: Output, culprit: string): void {
  assert.equal(output.code, TRY_AGAIN_LATER, output.stderr);
  assert.ok(output.stderr.includes(culprit), `stderr does not name ${culprit}: ${output.stderr}`);
  assertNoStackTrace(output);
}

Deno.test("a bus that has been away for hours is said in one line, once a day, which the line of cron lets through", async () => {
  await using directory = await temporaryDirectory();
  const url = `http://127.0.0.1:${freePort()}`;
  const environment = handlerEnvironment(url, directory.path, { LOG_LEVEL: "error" });
  const alarms = ({ stderr }: Output) => stderr.split("\n").filter((line) => line.startsWith("ALARM"));
  const first = await runToEnd(["once"], environment);
  assert.deepEqual([first.code, alarms(first)], [TRY_AGAIN_LATER, []]);

  const since = await setBack(`${directory.path}/state`, 2 * 3600_000);
  const second = await runToEnd(["once"], environment);
  assert.equal(second.code, TRY_AGAIN_LATER);
  assert.equal(alarms(second).length, 1, second.stderr);
  assert.ok(
    alarms(second)[0]!.startsWith(`ALARM: bus ${url} has failed since ${new Date(since).toISOString()}: `),
  );
  const third = await runToEnd(["once"], environment);
  assert.deepEqual([third.code, alarms(third)], [TRY_AGAIN_LATER, []]);

  const status = await runToEnd(["status"], environment);
  assert.match(status.stdout, new RegExp(`^FAILS +bus ${url}, since ${new Date(since).toISOString()}`, "m"));
});

/** Lets all outages of a state have begun earlier. Answers when. */
async function setBack(directory: string, byMs: number): Promise<number> {
  const { StateDatabase } = await import("../../src/state/file/state_database.ts");
  const state = StateDatabase.open({ directory, instanceId: INSTANCE });
  try {
    state.transaction(() => state.run("UPDATE outage SET since_ms = since_ms - ?", byMs));
    return state.get<{ since: number }>("SELECT min(since_ms) AS since FROM outage")!.since;
  } finally {
    state.close();
  }
}
