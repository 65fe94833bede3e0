/** A stream of NATS as the bus, with the built program and a real server. */
import assert from "node:assert/strict";
import { NatsStream } from "../sources/nats/nats_stream.ts";
import { runCheck, runToEnd, temporaryDirectory } from "../support/executable.ts";
import { NatsServerProcess } from "../support/nats_server.ts";
import { testSeed } from "../support/seed.ts";
import { natsThroughKills } from "./nats_crash.ts";
import { handlerEnvironment, sqlitePath, sqliteSink } from "./plant.ts";

const SEED = testSeed(142);
const RUN = { seed: SEED, events: 10_000, kills: 3 };

Deno.test(
  `a stream of NATS, ${RUN.events} events, ${RUN.kills} × kill -9 of the handler, 2 × of the server: the ` +
    "oracle's aggregates, and the proof",
  () => natsThroughKills(RUN).then(() => {}),
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
  const wrong = await runCheck(environment("/temp", "wrong-token"));
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
