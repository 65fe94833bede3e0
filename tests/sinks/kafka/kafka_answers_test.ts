/** What the sink does with a session and makes of its answers, without a broker. */
import assert from "node:assert/strict";
import { KafkaJSGroupCoordinatorNotFound } from "kafkajs/src/errors.js";
import { type SinkAlarm, SinkError } from "../../../src/contract/sink.ts";
import { TopicSettings } from "../../../src/sinks/kafka/kafka_topic.ts";
import { KafkaSink, type KafkaSinkOptions } from "../../../src/sinks/kafka/kafka_sink.ts";
import type { RecordRun } from "../../../src/sinks/kafka/encoded_records.ts";
import { aggregateOf, batchOf, CONTEXT, NEVER, QUIET } from "../../contract/sink_samples.ts";
import { freePort } from "../../support/free_port.ts";

const ROWS = ["a", "b", "c"].map((name) => aggregateOf({ name }));
const YEAR_MS = 365 * 24 * 3600 * 1000;

/** A sink with a session that notes what it is asked for. */
function sinkWith(options: Partial<KafkaSinkOptions> = {}, { isOpen = true, offsets = ["0"] } = {}) {
  const asked: string[] = [];
  const alarms: SinkAlarm[] = [];
  const time = { nowMs: 0 };
  const failure: { error?: Error; afterMs?: number } = {};
  const note = (what: string) => {
    asked.push(what);
    if (failure.error === undefined) return Promise.resolve();
    time.nowMs += failure.afterMs ?? 0;
    return Promise.reject(failure.error);
  };
  const transaction = {
    sendOffsets: ({ consumerGroupId, topics }: { consumerGroupId: string; topics: object[] }) =>
      note(`offsets of ${consumerGroupId}: ${JSON.stringify(topics)}`),
    commit: () => note("commit"),
  };
  const producer = { transaction: () => note("transaction").then(() => transaction) };
  const session = {
    producer,
    async send(to: unknown, topic: string, { count }: RecordRun) {
      const whose = to === transaction ? "transaction" : to === producer ? "producer" : "nobody";
      await note(`${count} records to ${topic} by the ${whose}`);
      return [{ partition: 0, baseOffset: offsets.shift() }];
    },
    tryRights: (rights: object) => {
      asked.push(`rights ${JSON.stringify(rights)}`);
      return Promise.reject(new SinkError("misconfigured", "no right"));
    },
    close: () => {
      asked.push("close");
      return Promise.resolve();
    },
  };
  const sink = new KafkaSink({
    bootstrapServers: ["k1:9092", "k2:9092"],
    id: "kafka",
    topic: "rows",
    instance: "plant-1",
    delivery: "exactly-once",
    compression: "none",
    clock: { nowMs: () => time.nowMs, sleep: () => Promise.resolve() },
    ...options,
  }, QUIET);
  const context = isOpen ? { ...CONTEXT, alarm: (alarm: SinkAlarm) => alarms.push(alarm) } : undefined;
  Object.assign(sink, { session, context });
  return { sink, asked, alarms, time, failure };
}

async function errorOf(work: Promise<unknown>): Promise<SinkError> {
  const error = await work.then(() => undefined, (error: unknown) => error);
  assert.ok(error instanceof SinkError, `${error}`);
  return error;
}

const offsetsOf = (group: string, offset: number) =>
  `offsets of ${group}: [{"topic":"rows","partitions":[{"partition":0,"offset":"${offset}",` +
  `"metadata":"${CONTEXT.stateId}"}]}]`;

Deno.test("exactly-once: records and the position behind them are one transaction", async () => {
  const { sink, asked } = sinkWith();
  assert.deepEqual([sink.id, sink.repeat], ["kafka", "positioned"]);
  await sink.write(batchOf(ROWS, 7), NEVER);
  assert.deepEqual(asked, [
    "transaction",
    "3 records to rows by the transaction",
    offsetsOf("vabus-data-handler.plant-1", 10),
    "commit",
  ]);
  const other = sinkWith({ id: "second" });
  assert.equal(other.sink.id, "second");
  await other.sink.write(batchOf(ROWS, 0), NEVER);
  assert.equal(other.asked[2], offsetsOf("vabus-data-handler-second.plant-1", 3));
});

Deno.test("at-least-once: records are sent, and nothing else", async () => {
  const { sink, asked } = sinkWith({ delivery: "at-least-once" });
  assert.equal(sink.repeat, "append");
  await sink.write(batchOf(ROWS), NEVER);
  await sink.keepAlive(9, NEVER);
  assert.deepEqual(asked, ["3 records to rows by the producer"]);
});

Deno.test("without rows nothing is asked, and a sink that is not open commits nothing", async () => {
  const { sink, asked } = sinkWith();
  await sink.write(batchOf([]), NEVER);
  assert.deepEqual(asked, []);
  const closed = sinkWith({}, { isOpen: false });
  const error = await errorOf(closed.sink.write(batchOf(ROWS), NEVER));
  assert.deepEqual([error.kind, error.message], ["unavailable", "Kafka: the sink is not open."]);
});

Deno.test("a position is written again before the broker forgets it, without records", async () => {
  const { sink, asked, time } = sinkWith();
  await sink.write(batchOf(ROWS), NEVER);
  asked.length = 0;
  await sink.keepAlive(3, NEVER);
  assert.deepEqual(asked, [], "it has just been written");
  time.nowMs = YEAR_MS;
  await sink.keepAlive(3, NEVER);
  assert.deepEqual(asked, ["transaction", offsetsOf("vabus-data-handler.plant-1", 3), "commit"]);
  await sink.keepAlive(3, NEVER);
  assert.equal(asked.length, 3);
});

Deno.test("records that end up before earlier ones are an alarm", async () => {
  const { sink, alarms } = sinkWith({}, { offsets: ["100", "101", "5"] });
  for (let i = 0; i < 2; i++) await sink.write(batchOf(ROWS), NEVER);
  assert.deepEqual(alarms, []);
  await sink.write(batchOf(ROWS), NEVER);
  assert.deepEqual(alarms.map(({ kind, count }) => [kind, count]), [["rows_missing", 97]]);
});

Deno.test("every failure ends the session, and only a young producer is fenced by another handler", async () => {
  const fence = Object.assign(new Error("old epoch"), { type: "INVALID_PRODUCER_EPOCH" });
  const failed = async (error: Error, afterMs = 0) => {
    const { sink, asked, failure, time } = sinkWith();
    time.nowMs = 5_000_000;
    Object.assign(failure, { error, afterMs });
    const told = await errorOf(sink.write(batchOf(ROWS), NEVER));
    await sink.close();
    assert.deepEqual(asked, ["transaction", "close"], "it is ended once");
    return told;
  };
  const fenced = await failed(fence, 59_999);
  assert.equal(fenced.kind, "misconfigured");
  assert.match(
    fenced.message,
    /another handler with the INSTANCE_ID plant-1 has taken over the topic rows\./,
  );
  assert.equal(fenced.cause, fence);
  assert.equal(
    (await failed(fence, 60_000)).kind,
    "unavailable",
    "the broker may have ended the transaction",
  );
  const own = new SinkError("postponed", "as it is");
  assert.equal(await failed(own), own);
  const away = await failed(new Error("gone away"));
  assert.match(away.message, /^Kafka at k1:9092, k2:9092: gone away\./);
});

Deno.test("where the client hides why it fails, the rights are tried, and tell it", async () => {
  const hidden = new KafkaJSGroupCoordinatorNotFound("Failed to find group coordinator");
  const groupId = "vabus-data-handler.plant-1";
  for (const delivery of ["exactly-once", "at-least-once"] as const) {
    const { sink, asked, failure } = sinkWith({ delivery });
    failure.error = hidden;
    assert.equal((await errorOf(sink.write(batchOf(ROWS), NEVER))).message, "no right");
    const isExact = delivery === "exactly-once";
    const rights = { topic: "rows", ...(isExact && { transaction: { id: groupId, groupId } }) };
    assert.deepEqual(asked.slice(1), [`rights ${JSON.stringify(rights)}`, "close"]);
  }
});

/** Opens a sink that begins with another session, and notes the order. */
async function opened(delivery: KafkaSinkOptions["delivery"], missing: SinkAlarm | undefined) {
  // Nobody listens there, so no other protocol is found.
  const bootstrapServers = [`127.0.0.1:${freePort()}`];
  const { sink, asked, alarms } = sinkWith({ delivery, bootstrapServers }, { isOpen: false });
  const note = <T>(what: string, result?: T) => {
    asked.push(what);
    return Promise.resolve(result);
  };
  const next = {
    admin: { connect: () => note("admin") },
    producer: {
      connect: () => note("producer"),
      transaction: () => note("transaction", { abort: () => note("abort") }),
    },
    send: () => note("records", [{ partition: 0, baseOffset: "5" }]),
    close: () => note("close the other"),
  };
  const topic = {
    name: "rows",
    ensure: () => note("ensure"),
    settings: () => note("settings", new TopicSettings(new Map())),
    missing: () => note("missing", missing),
  };
  const position = { groupId: "g", start: () => note("position", 12) };
  Object.assign(sink, { newSession: () => Promise.resolve(next), topic, position });
  const claimed = () => void asked.push("claimed");
  const context = {
    ...CONTEXT,
    cursor: 7,
    alarm: (alarm: SinkAlarm) => void alarms.push(alarm),
    claimant: { ...CONTEXT.claimant, claimed },
  };
  const open = () => sink.open(context, NEVER);
  const from = await open();
  return { sink, from, open, asked, alarms };
}

Deno.test("a sink opens by a new session: fenced first, then positioned, then looked through", async () => {
  const exact = await opened("exactly-once", undefined);
  assert.deepEqual(exact.asked, [
    ...["close", "admin", "ensure", "producer", "transaction", "abort"],
    ...["settings", "position", "claimed", "missing"],
  ]);
  assert.deepEqual([exact.from, exact.alarms], [12, []]);
  await exact.sink.close();
  assert.equal(exact.asked.at(-1), "close the other");
  const alarm = { kind: "rows_missing", detail: "it is empty", count: 1 } as const;
  const loose = await opened("at-least-once", alarm);
  assert.deepEqual(loose.asked, [
    "close",
    "admin",
    "ensure",
    "producer",
    "settings",
    "claimed",
    "missing",
  ]);
  assert.deepEqual([loose.from, loose.alarms], [7, [alarm]]);
  await loose.sink.write(batchOf(ROWS), NEVER);
  assert.equal(loose.asked.at(-1), "records");
  await loose.sink.write(batchOf(ROWS), NEVER);
  assert.equal(loose.alarms.length, 2, "they are where the first ones were");
  // The topic was emptied, which has been told.
  await loose.open();
  await loose.sink.write(batchOf(ROWS), NEVER);
  assert.equal(loose.alarms.length, 3);
  await loose.sink.close();
});

Deno.test("a probe tries what a write needs, makes no topic and fences nobody", async () => {
  const probed = async (delivery: KafkaSinkOptions["delivery"], partitions: number | undefined) => {
    const { sink } = sinkWith({ delivery, bootstrapServers: [`127.0.0.1:${freePort()}`] });
    const asked: string[] = [];
    const note = <T>(what: string, result?: T) => {
      asked.push(what);
      return Promise.resolve(result);
    };
    const session = {
      admin: {
        connect: () => note("admin"),
        describeCluster: () => Promise.resolve({ brokers: [1, 2, 3] }),
      },
      producer: { connect: () => note("producer") },
      tryRights: () => note("rights"),
      close: () => note("close"),
    };
    const topic = {
      name: "rows",
      partitionCount: () => Promise.resolve(partitions),
      settings: () => Promise.resolve({ flaws: ["it forgets"] }),
      tryToMake: () => note("to make"),
    };
    const position = { groupId: "g", fetch: () => note("position") };
    Object.assign(sink, { newSession: () => Promise.resolve(session), topic, position });
    return [await sink.probe(NEVER), ...asked];
  };
  const there = "Kafka, 3 brokers, topic rows has 2 partitions. Warning: it forgets";
  const absent = "Kafka, 3 brokers, topic rows will be created";
  const [exact, loose] = ["exactly-once", "at-least-once"] as const;
  assert.deepEqual(await probed(exact, 2), [there, "admin", "rights", "position", "close"]);
  assert.deepEqual(await probed(loose, 2), [there, "admin", "producer", "rights", "close"]);
  assert.deepEqual(await probed(exact, undefined), [absent, "admin", "to make", "rights", "close"]);
  assert.deepEqual(await probed(loose, undefined), [
    absent,
    "admin",
    "to make",
    "producer",
    "rights",
    "close",
  ]);
});
