/** What the sink does with a session and makes of its answers, without a broker. */
import assert from "node:assert/strict";
import { type SinkAlarm, SinkError } from "../../../src/contract/sink.ts";
import { KafkaSink, type KafkaSinkOptions } from "../../../src/sinks/kafka/kafka_sink.ts";
import type { RecordRun } from "../../../src/sinks/kafka/encoded_records.ts";
import { aggregateOf, batchOf, CONTEXT, NEVER, QUIET } from "../../contract/sink_samples.ts";

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
  assert.equal(sink.repeat, "positioned");
  await sink.write(batchOf(ROWS, 7), NEVER);
  assert.deepEqual(asked, [
    "transaction",
    "3 records to rows by the transaction",
    offsetsOf("vabus-data-handler.plant-1", 10),
    "commit",
  ]);
  const other = sinkWith({ id: "second" });
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
    const { sink, asked, failure } = sinkWith();
    Object.assign(failure, { error, afterMs });
    const told = await errorOf(sink.write(batchOf(ROWS), NEVER));
    assert.deepEqual(asked, ["transaction", "close"]);
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
