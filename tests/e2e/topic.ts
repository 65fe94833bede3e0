import assert from "node:assert/strict";
import type { Kafka } from "kafkajs";
import { labelsIn } from "../../src/event/labels.ts";
import { kafkaClient, kafkaProducer } from "../support/kafka_broker.ts";
import type { Row } from "../support/oracle.ts";

/** A record of the topic, as a `read_committed` reader got it, in the order of its partition. */
export interface TopicRecord {
  readonly key: string;
  readonly value: string;
  /** The header `content-type`. */
  readonly contentType: string | undefined;
  /** The header of that name; left out: it has none. */
  readonly traceparent?: string;
}

const FIELDS = [
  "agg_func",
  "count",
  "instance",
  "name",
  "revision",
  "timestamp",
  "value",
  "window_end",
  "window_start",
];

/**
 * Keys of the marks that a reader puts at the end of each partition, to know when it has read everything
 * before them.
 */
const END_MARK = "end-mark-of-the-tests-";

/** All records of the topic, as a new `read_committed` consumer gets them; none if there is no such topic. */
export async function readTopic(brokers: readonly string[], topic: string): Promise<TopicRecord[]> {
  const kafka = kafkaClient(brokers);
  const admin = kafka.admin();
  await admin.connect();
  try {
    if (!(await admin.listTopics()).includes(topic)) return [];
    const { topics: [metadata] } = await admin.fetchTopicMetadata({ topics: [topic] });
    const mark = END_MARK + crypto.randomUUID();
    await putMarks(kafka, topic, metadata!.partitions.map(({ partitionId }) => partitionId), mark);
    return await readUntilMarks(kafka, topic, metadata!.partitions.length, mark);
  } finally {
    await admin.disconnect();
  }
}

async function putMarks(kafka: Kafka, topic: string, partitions: number[], mark: string): Promise<void> {
  const producer = kafkaProducer(kafka);
  await producer.connect();
  await producer.send({
    topic,
    messages: partitions.map((partition) => ({ partition, key: mark, value: "" })),
  });
  await producer.disconnect();
}

async function readUntilMarks(
  kafka: Kafka,
  topic: string,
  partitionCount: number,
  mark: string,
): Promise<TopicRecord[]> {
  const records: TopicRecord[] = [];
  const consumer = kafka.consumer({ groupId: mark, readUncommitted: false });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const { promise: complete, resolve } = Promise.withResolvers<void>();
  let marksSeen = 0;
  await consumer.run({
    // deno-lint-ignore require-await
    eachMessage: async ({ message: { key, value, headers } }) => {
      const name = key!.toString();
      if (name === mark && ++marksSeen === partitionCount) resolve();
      if (name.startsWith(END_MARK)) return;
      records.push({
        key: name,
        value: value!.toString(),
        contentType: headers?.["content-type"]?.toString(),
        ...(headers?.traceparent && { traceparent: headers.traceparent.toString() }),
      });
    },
  });
  await complete;
  await consumer.disconnect();
  return records;
}

/**
 * What a reader of the topic is left with: the latest record of each aggregate.
 *
 * @throws when a record is there twice, an older revision comes after a newer one, or the shape is not that
 * of section 6.
 */
export function latestRows(records: readonly Pick<TopicRecord, "key" | "value">[]): Row[] {
  const latest = new Map<string, Row>();
  for (const { key, value } of records) {
    const row = rowOf(value);
    assert.equal(key, row.name, "the key of a record is its aggregate's name");
    const identity = JSON.stringify([
      row.name,
      row.labels,
      row.aggFunc,
      row.windowStartMs,
      row.windowEndMs,
      row.instance,
    ]);
    const before = latest.get(identity);
    assert.notEqual(row.revision, before?.revision, `${identity} is in the topic twice`);
    assert.ok(
      row.revision > (before?.revision ?? -1),
      `${identity}: revision ${row.revision} comes after ${before?.revision}`,
    );
    latest.set(identity, row);
  }
  return [...latest.values()];
}

/** An aggregate's public JSON. @throws when it is not of that shape. */
export function rowOf(json: string): Row {
  const record = JSON.parse(json);
  const { labels, ...others } = record;
  assert.deepEqual(Object.keys(others).sort(), FIELDS);
  if (labels !== undefined) assert.notDeepEqual(labels, {});
  assert.equal(record.timestamp, record.window_start);
  return {
    name: record.name,
    ...labelsIn(JSON.stringify(labels ?? {})),
    aggFunc: record.agg_func,
    windowStartMs: Math.round(record.window_start * 1000),
    windowEndMs: Math.round(record.window_end * 1000),
    value: record.value,
    count: record.count,
    revision: record.revision,
    instance: record.instance,
  };
}
