/** A stream of NATS as the bus, with the built program and a real server. */
import assert from "node:assert/strict";
import { NatsStream } from "../sources/nats/nats_stream.ts";
import { PATIENCE_MS, pause, Program, runToEnd, temporaryDirectory, until } from "../support/executable.ts";
import { eventStream, randomNumbers, recentBaseMs } from "../support/event_stream.ts";
import { NatsServerProcess } from "../support/nats_server.ts";
import { Oracle } from "../support/oracle.ts";
import { testSeed } from "../support/seed.ts";
import { handlerEnvironment, INSTANCE, observed, sqlitePath, sqliteSink } from "./plant.ts";

const SEED = testSeed(142);
const WINDOW_MS = 60_000;
/** More of both are asked for by hand: see docs/testing.md. */
const EVENTS = Number(Deno.env.get("NATS_PROOF_EVENTS") ?? 10_000);
const HANDLER_KILLS = Number(Deno.env.get("NATS_PROOF_KILLS") ?? 3);

Deno.test(
  `a stream of NATS, ${EVENTS} events, ${HANDLER_KILLS} × kill -9 of the handler, 2 × of the server: ` +
    "the oracle's aggregates, and the proof",
  async () => {
    await using stack = new AsyncDisposableStack();
    const directory = stack.use(await temporaryDirectory());
    const server = stack.use(await NatsServerProcess.start());
    const random = randomNumbers(SEED);
    const oracle = new Oracle(WINDOW_MS);
    const events = eventStream({
      seed: SEED,
      eventCount: EVENTS,
      nameCount: 50,
      baseMs: recentBaseMs(WINDOW_MS, 10),
      windowSizeMs: WINDOW_MS,
      windowCount: 10,
    });
    const messages = [...observed(events, oracle)].map((body) => ({ subject: "a", body }));
    const environment = handlerEnvironment(`nats://127.0.0.1:${server.port}/PLANT`, directory.path, {
      STORAGE_TYPE: "sqlite",
      VABUS_BATCH_SIZE: "500",
      CHECKPOINT_INTERVAL: "0.1",
    });
    const waiting = await runToEnd(["check"], environment);
    assert.match(waiting.stdout + waiting.stderr, /there is no stream PLANT, or not any more/);
    const share = Math.ceil(messages.length / HANDLER_KILLS);
    for (let life = 0; life < HANDLER_KILLS; life++) {
      const stream = await NatsStream.create(server, {}, "PLANT");
      await using handler = Program.start(["run"], environment);
      await stream.publish(...messages.slice(life * share, (life + 1) * share));
      stream.leave();
      if (life === 1 || life === HANDLER_KILLS - 1) await server.restart();
      await Promise.race([pause(random() * 1500), handler.exit]);
      await handler.kill9();
    }
    const check = await runToEnd(["check"], environment);
    assert.equal(check.code, 0, check.stdout + check.stderr);
    assert.match(check.stdout, /NATS, stream PLANT has \d+ messages/);
    await until(
      async () => (await runToEnd(["once", "--flush"], environment)).code === 0,
      "all messages to be read",
      PATIENCE_MS,
    );
    const inSqlite = sqliteSink(sqlitePath(directory.path));
    assert.equal(await inSqlite.sumOfCounts(), oracle.counts.aggregated);
    oracle.assertRows(await inSqlite.rows(), "SQLite", INSTANCE);
    const verify = await runToEnd(["verify"], environment);
    assert.equal(verify.code, 0, verify.stdout + verify.stderr);
    assert.match(verify.stdout, /PROVEN/);
  },
);

Deno.test("a dead letter keeps the levels of its subject, for the mapping of later; a token", async () => {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const login = { kind: "token", token: "nats-token" } as const;
  const server = stack.use(
    await NatsServerProcess.start({ settings: "authorization { token: nats-token }", login }),
  );
  const stream = await NatsStream.create(server, {}, "PLANT");
  await stream.publish({ subject: "line1.oven", body: '{"temp":21}' });
  const environment = (value: string, token = "nats-token") =>
    handlerEnvironment(
      `nats://${token}@127.0.0.1:${server.port}/PLANT?subject=PLANT.*.oven`,
      directory.path,
      {
        STORAGE_TYPE: "sqlite",
        EVENT_NAME: "{topic[1]}.{topic[2]}",
        EVENT_TIMESTAMP: "bus",
        EVENT_VALUE: value,
      },
    );
  const wrong = await runToEnd(["check"], environment("/temp", "wrong-token"));
  assert.match(
    wrong.stdout + wrong.stderr,
    /Authorization Violation.*check user, password, token or credentials/,
  );
  assert.doesNotMatch(wrong.stdout + wrong.stderr, /wrong-token/);
  const first = await runToEnd(["once"], environment("/pressure"));
  assert.equal(first.code, 0, first.stderr);
  const mended = environment("/temp");
  const list = await runToEnd(["dead-letters", "list"], mended);
  assert.match(list.stdout, /@ 1\b/);
  await stream.publish({ subject: "line1.oven", body: '{"temp":23}' });
  stream.leave();
  assert.equal((await runToEnd(["once"], mended)).code, 0);
  const retry = await runToEnd(["dead-letters", "retry", "--reason", "invalid"], mended);
  assert.equal(retry.code, 0, retry.stderr);
  assert.equal((await runToEnd(["once", "--flush"], mended)).code, 0);
  const rows = await sqliteSink(sqlitePath(directory.path)).rows();
  // Both lie in one window, or in two.
  assert.deepEqual([...new Set(rows.map(({ name }) => name))], ["line1.oven"]);
  assert.equal(rows.reduce((sum, { value }) => sum + value, 0), 44);
});
