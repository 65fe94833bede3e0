/** Several intervals at once, from the bus to the sinks and into the proof. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import {
  PATIENCE_MS,
  pause,
  Program,
  runCheck,
  runToEnd,
  temporaryDirectory,
  until,
} from "../support/executable.ts";
import { eventStream, randomNumbers, recentBaseMs } from "../support/event_stream.ts";
import { freePort } from "../support/free_port.ts";
import { Oracle } from "../support/oracle.ts";
import { testSeed } from "../support/seed.ts";
import { Bus, handlerEnvironment, observed, sqlitePath, sqliteSink } from "./plant.ts";
import { assertExact } from "./proof.ts";

const SEED = testSeed(20_251_126);
const WINDOW_MS = 20_000;
const WINDOWS = 10;
const TIERS = [
  { lengthMs: WINDOW_MS, hopMs: WINDOW_MS },
  { lengthMs: 60_000, hopMs: 20_000 },
  { lengthMs: 120_000, hopMs: 120_000 },
];

Deno.test("kill -9 at 6 random moments: every tier is exact", async () => {
  const random = randomNumbers(SEED);
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path, {
    STORAGE_TYPE: "sqlite",
    AGGREGATION_INTERVAL: "20,60/20,2m",
    CHECKPOINT_INTERVAL: "0.1",
  });
  const oracle = new Oracle(TIERS);
  // So old that the longest windows have ended by the wall clock.
  const baseMs = recentBaseMs(WINDOW_MS, WINDOWS + 10);
  const options = {
    seed: SEED,
    eventCount: 30_000,
    nameCount: 60,
    baseMs,
    windowSizeMs: WINDOW_MS,
    windowCount: WINDOWS,
  };
  const texts = [...observed(eventStream(options), oracle)];
  const share = Math.ceil(texts.length / 7);
  for (let life = 0; life < 6; life++) {
    await using handler = Program.start(["run"], environment);
    await bus.publish(texts.slice(life * share, (life + 1) * share));
    await pause(300 + random() * 1500);
    assert.equal(handler.exitCode, undefined, handler.tail());
    await handler.kill9();
  }
  await bus.publish(texts.slice(6 * share));
  const sink = sqliteSink(sqlitePath(directory.path));
  {
    await using handler = Program.start(["run"], environment);
    await until(
      async () => (await sink.rows()).length >= oracle.rowCount,
      `${oracle.rowCount} rows`,
      PATIENCE_MS,
      [handler],
    );
    assert.equal(await handler.stop(), 0, handler.tail());
  }
  const proof = await assertExact(oracle, environment);
  const { aggregated } = oracle.counts;
  for (const [seconds, share] of [[20, 1], [60, 3], [120, 1]] as const) {
    assert.match(proof, new RegExp(`windows of ${seconds} s: ${aggregated * share} events\n`));
  }
  // A minute's row grows by what one of 20 seconds loses: the sum over all rows is right, the tiers are not.
  const file = new DatabaseSync(sqlitePath(directory.path));
  for (const [length, more] of [[20, -1], [60, 1]] as const) {
    file.prepare(
      `update aggregated_events set count = count + ?
       where (window_start, window_end, name, labels, agg_func) = (
         select window_start, window_end, name, labels, agg_func from aggregated_events
         where round(window_end - window_start) = ? and count > 1 limit 1)`,
    ).run(more, length);
  }
  file.close();
  const disproof = await runToEnd(["verify", "--since", "0"], environment);
  assert.equal(disproof.code, 1, "row by row");
  const told = await runToEnd(["verify", "--json"], environment);
  const { differences } = JSON.parse(told.stdout).sinks[0];
  assert.ok(
    differences.some((text: string) =>
      text ===
        `its rows of windows of 20 s should stand for ${aggregated} events and stand for ${aggregated - 1}`
    ),
    differences.join("\n"),
  );
});

Deno.test("another list at the next start holds for what comes then; ROUTES may name a tier", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const base = Math.floor(Date.now() / 600_000) * 600 - 6000;
  const publish = (...offsets: number[]) =>
    bus.publish(offsets.map((offset) => `{"name":"n","value":1,"timestamp":${base + offset}}`));
  const run = (intervals: string, routes: string, ...args: string[]) =>
    runToEnd(
      args,
      handlerEnvironment(bus.url, directory.path, {
        STORAGE_TYPE: "sqlite,history:sqlite",
        HISTORY_SQLITE_PATH: `${directory.path}/history.sqlite`,
        AGGREGATION_INTERVAL: intervals,
        ROUTES: routes,
        IDLE_TIMEOUT: "100",
      }),
    );
  await publish(1, 2, 70);
  const first = await run("10,600", "*@600=history;*=sqlite", "once");
  assert.equal(first.code, 0, first.stderr);
  await publish(75, 3, 700);
  const second = await run("60,300/60", "n@300/60=sqlite,history;*=sqlite", "once", "--flush");
  assert.equal(second.code, 0, second.stderr);
  const rowsIn = async (path: string) =>
    (await sqliteSink(path).rows()).map(({ windowStartMs, windowEndMs, count }) =>
      `${windowStartMs / 1000 - base}+${(windowEndMs - windowStartMs) / 1000}: ${count}`
    ).sort();
  const hops = [
    ...[-240, -180, -120, -60, 0].map((start) => `${start}+300: ${start >= -180 ? 2 : 1}`),
    "60+300: 1",
    ...[420, 480, 540, 600, 660].map((start) => `${start}+300: 1`),
  ];
  const short = ["0+10: 2", "70+10: 1", "0+60: 1", "60+60: 1", "660+60: 1"];
  assert.deepEqual(await rowsIn(`${directory.path}/history.sqlite`), [...hops, "0+600: 3"].toSorted());
  assert.deepEqual(await rowsIn(sqlitePath(directory.path)), [...hops, ...short].toSorted());
  const again = await run("60", "*=sqlite", "redeliver", "--sink", "history", "--since", `${base - 1000}`);
  assert.equal(again.code, 0, again.stdout + again.stderr);
  assert.match(
    again.stdout,
    /12 rows of \d+ windows \(2 of 10 s, 3 of 60 s, 11 of 300 s, 1 of 600 s\) sent again/,
  );
  const status = await run("60", "*=sqlite", "status", "--json");
  assert.deepEqual(
    JSON.parse(status.stdout).tiers.map((tier: Record<string, number>) => [tier.window_seconds, tier.closed]),
    [[10, 3], [60, 3], [300, 15], [600, 3]],
  );
  const proof = await run("60", "*=sqlite", "verify");
  assert.equal(proof.code, 0, proof.stdout + proof.stderr);
});

Deno.test("wrong lists are refused at start, each with what is wrong", async () => {
  await using directory = await temporaryDirectory();
  for (
    const [list, why] of [
      ["10,60,10s", /has windows of 10 seconds twice, whose aggregates could not be told apart/],
      ["300/70", /hop in "300\/70" that does not divide .* 300\/75 would/],
      ["60/300", /hop in "60\/300" that is longer than the window/],
      ["60,300/0", /hop in "300\/0" that is less than 0.1 seconds/],
      ["0", /is less than 0.1 seconds/],
      ["10,,60", /is not a duration/],
      ["3600/10", /puts each event into 360 windows, and more than 100/],
      ["60/10/5", /two hops/],
    ] as const
  ) {
    const environment = handlerEnvironment(`http://localhost:${freePort()}`, directory.path, {
      STORAGE_TYPE: "sqlite",
      AGGREGATION_INTERVAL: list,
    });
    const { code, stderr } = await runCheck(environment);
    assert.equal(code, 2, stderr);
    assert.match(stderr, new RegExp(`AGGREGATION_INTERVAL.*${why.source}`), list);
  }
  const { code, stderr } = await runToEnd(
    ["check"],
    handlerEnvironment(`http://localhost:${freePort()}`, directory.path, {
      STORAGE_TYPE: "sqlite",
      AGGREGATION_INTERVAL: "10,300/60",
      ROUTES: "*@300=sqlite;*=sqlite",
    }),
  );
  assert.equal(code, 2, stderr);
  assert.match(
    stderr,
    /ROUTES.*names the interval 300, which is not in AGGREGATION_INTERVAL \(10, 300\/60\)/,
  );
});
