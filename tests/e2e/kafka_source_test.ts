/** A topic of Kafka as the bus, with the built program and a real broker. */
import assert from "node:assert/strict";
import { KafkaTopic } from "../sources/kafka/kafka_topic.ts";
import { runToEnd, temporaryDirectory } from "../support/executable.ts";
import { eventStream, recentBaseMs } from "../support/event_stream.ts";
import { Oracle } from "../support/oracle.ts";
import { testSeed } from "../support/seed.ts";
import { sharedKafka } from "../support/shared_servers.ts";
import { handlerEnvironment, INSTANCE, observed, sqlitePath, sqliteSink } from "./plant.ts";

const SEED = testSeed(116);
const WINDOW_MS = 60_000;

Deno.test("a topic, once: each record is counted once, and the proof holds", async () => {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const broker = await sharedKafka();
  stack.defer(() => broker.remove());
  const topic = await KafkaTopic.create(broker.brokers);
  stack.defer(() => topic.remove());
  const oracle = new Oracle(WINDOW_MS);
  const stream = eventStream({
    seed: SEED,
    eventCount: 5000,
    nameCount: 50,
    baseMs: recentBaseMs(WINDOW_MS, 10),
    windowSizeMs: WINDOW_MS,
    windowCount: 10,
  });
  const values = [...observed(stream, oracle)].map((value) => ({ value }));
  const environment = handlerEnvironment(topic.url, directory.path, { STORAGE_TYPE: "sqlite" });
  const check = await runToEnd(["check"], environment);
  assert.equal(check.code, 0, check.stdout + check.stderr);
  assert.match(check.stdout, /Kafka, 1 broker, topic \S+ has 1 partition/);
  for (const part of [values.slice(0, 3000), values.slice(3000)]) {
    await topic.send(part);
    const once = await runToEnd(["once", ...(part.length < 3000 ? ["--flush"] : [])], environment);
    assert.equal(once.code, 0, once.stderr);
  }
  const inSqlite = sqliteSink(sqlitePath(directory.path));
  assert.equal(await inSqlite.sumOfCounts(), oracle.counts.aggregated);
  oracle.assertRows(await inSqlite.rows(), "SQLite", INSTANCE);
  const verify = await runToEnd(["verify"], environment);
  assert.equal(verify.code, 0, verify.stdout + verify.stderr);
  assert.match(verify.stdout, /PROVEN/);
});
