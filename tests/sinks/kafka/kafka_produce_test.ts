import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type Message, Partitioners, type PartitionMetadata } from "kafkajs";
import groupMessagesPerPartition from "kafkajs/src/producer/groupMessagesPerPartition.js";
import produce from "kafkajs/src/protocol/requests/produce/index.js";
import { EncodedRecords } from "../../../src/sinks/kafka/encoded_records.ts";
import { askingPartitioner, asMessages } from "../../../src/sinks/kafka/kafka_produce.ts";
import fc from "../../support/fast_check.ts";

const HEADERS = { "content-type": "application/json", traceparent: "00-größe" };
const ASCII_HEADERS = { "content-type": "application/json" };
const TOPIC = "vabus.aggregates";
const TIME_MS = 1_700_000_000_123;

const record = fc.record({
  key: fc.string({ unit: "grapheme", maxLength: 40 }),
  value: fc.oneof(fc.string({ maxLength: 300 }), fc.string({ unit: "grapheme", maxLength: 300 })),
});
const producer = fc.record({
  transactionalId: fc.constantFrom(undefined, "vabus-data-handler.plant-1"),
  producerId: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String),
  producerEpoch: fc.nat({ max: 32_767 }),
});

function metadataOf(partitions: number): PartitionMetadata[] {
  return Array.from({ length: partitions }, (_, partitionId) => ({
    partitionErrorCode: 0,
    partitionId,
    leader: 1,
    replicas: [],
    isr: [],
  }));
}

/** The bytes of a request as kafkajs makes it of these messages. */
async function requestOf(
  messages: Message[],
  partitionCount: number,
  partitioner: ReturnType<typeof askingPartitioner>,
  written: object,
): Promise<Buffer> {
  const partitionMetadata = metadataOf(partitionCount);
  const grouped = groupMessagesPerPartition({ topic: TOPIC, partitionMetadata, messages, partitioner });
  const partitions = Object.entries(grouped as Record<string, unknown>).map(([partition, messages]) => ({
    partition: Number(partition),
    firstSequence: 7 * Number(partition),
    messages,
  }));
  const { request } = produce.protocol({ version: 7 })({
    ...written,
    acks: -1,
    timeout: 30_000,
    topicData: [{ topic: TOPIC, partitions }],
  });
  return (await request.encode()).buffer;
}

Deno.test("property: a request is what kafkajs would make of the same messages, byte by byte", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(record, { minLength: 1, maxLength: 300 }),
    fc.integer({ min: 1, max: 5 }),
    producer,
    fc.boolean(),
    async (any, partitionCount, written, isAscii) => {
      const plain = (text: string) => isAscii ? text.replaceAll(/[^ -~]/g, "?") : text;
      const some = any.map(({ key, value }) => ({ key: plain(key), value: plain(value) }));
      const rows = {
        count: some.length,
        key: (index: number) => some[index]!.key,
        value: (index: number) => some[index]!.value,
      };
      const headers = isAscii ? ASCII_HEADERS : HEADERS;
      const [run] = new EncodedRecords(rows, headers, TIME_MS).runs(Infinity);
      const messages = some.map(({ key, value }) => ({
        key: Buffer.from(key),
        value: Buffer.from(value),
        headers,
        timestamp: TIME_MS as unknown as string,
      }));
      const expected = await requestOf(messages, partitionCount, Partitioners.DefaultPartitioner(), written);
      const ours = () => requestOf(asMessages(run!), partitionCount, askingPartitioner(), written);
      assert.ok((await ours()).equals(expected));
      assert.ok((await ours()).equals(expected), "and again, when kafkajs tries again");
    },
  ));
});
