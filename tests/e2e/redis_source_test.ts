/** Streams of Redis as the bus, with the built program and a real server. */
import assert from "node:assert/strict";
import { RedisStream } from "../sources/redis/redis_stream.ts";
import { PATIENCE_MS, pause, Program, runToEnd, temporaryDirectory, until } from "../support/executable.ts";
import { eventStream, randomNumbers, recentBaseMs } from "../support/event_stream.ts";
import { Oracle } from "../support/oracle.ts";
import { RedisServerProcess } from "../support/redis_server.ts";
import { testSeed } from "../support/seed.ts";
import { handlerEnvironment, INSTANCE, observed, sqlitePath, sqliteSink } from "./plant.ts";

const SEED = testSeed(141);
const WINDOW_MS = 60_000;
/** More of both are asked for by hand: see docs/testing.md. */
const EVENTS = Number(Deno.env.get("REDIS_PROOF_EVENTS") ?? 20_000);
const HANDLER_KILLS = Number(Deno.env.get("REDIS_PROOF_KILLS") ?? 3);

function streamOfEvents(seed: number, eventCount: number, oracle: Oracle): { readonly event: string }[] {
  const stream = eventStream({
    seed,
    eventCount,
    nameCount: 50,
    baseMs: recentBaseMs(WINDOW_MS, 10),
    windowSizeMs: WINDOW_MS,
    windowCount: 10,
  });
  return [...observed(stream, oracle)].map((event) => ({ event }));
}

async function assertProven(oracle: Oracle, directory: string, environment: Record<string, string>) {
  const inSqlite = sqliteSink(sqlitePath(directory));
  assert.equal(await inSqlite.sumOfCounts(), oracle.counts.aggregated);
  oracle.assertRows(await inSqlite.rows(), "SQLite", INSTANCE);
  const verify = await runToEnd(["verify"], environment);
  assert.equal(verify.code, 0, verify.stdout + verify.stderr);
  assert.match(verify.stdout, /PROVEN/);
}

Deno.test(
  `a stream, ${EVENTS} events, ${HANDLER_KILLS} × kill -9 of the handler, 2 × of Redis, trimmed behind it: ` +
    "the oracle's aggregates, and the proof",
  async () => {
    await using stack = new AsyncDisposableStack();
    const directory = stack.use(await temporaryDirectory());
    const server = stack.use(await RedisServerProcess.start());
    const random = randomNumbers(SEED);
    const oracle = new Oracle(WINDOW_MS);
    const entries = streamOfEvents(SEED, EVENTS, oracle);
    const url = `${server.url}/plant:readings?field=event&trim=true`;
    const environment = handlerEnvironment(url, directory.path, {
      STORAGE_TYPE: "sqlite",
      VABUS_BATCH_SIZE: "500",
      CHECKPOINT_INTERVAL: "0.1",
    });
    const waiting = await runToEnd(["check"], environment);
    assert.match(waiting.stdout + waiting.stderr, /there is no stream plant:readings, or not any more/);
    const share = Math.ceil(entries.length / HANDLER_KILLS);
    for (let life = 0; life < HANDLER_KILLS; life++) {
      const stream = await RedisStream.create(server, "plant:readings");
      await using handler = Program.start(["run"], environment);
      await stream.add(...entries.slice(life * share, (life + 1) * share));
      stream.connection.close();
      if (life === 1 || life === HANDLER_KILLS - 1) await server.restart();
      await Promise.race([pause(random() * 1500), handler.exit]);
      await handler.kill9();
    }
    const check = await runToEnd(["check"], environment);
    assert.equal(check.code, 0, check.stdout + check.stderr);
    assert.match(check.stdout, /Redis, stream plant:readings has \d+ entr/);
    await until(
      async () => (await runToEnd(["once", "--flush"], environment)).code === 0,
      "all entries to be read",
      PATIENCE_MS,
    );
    await assertProven(oracle, directory.path, environment);
  },
);
