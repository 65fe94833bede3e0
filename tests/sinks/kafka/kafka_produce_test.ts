import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type Message, Partitioners, type PartitionMetadata } from "kafkajs";
import groupMessagesPerPartition from "kafkajs/src/producer/groupMessagesPerPartition.js";
import produce from "kafkajs/src/protocol/requests/produce/index.js";
import { crc32c } from "../../../src/platform/kafka/crc32c.ts";
import { type CompressionName, COMPRESSIONS } from "../../../src/platform/kafka/compression.ts";
import { DECOMPRESSION } from "../../../src/platform/kafka/decompression.ts";
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
    fc.array(record, { minLength: 1, maxLength: 300, size: "max" }),
    fc.integer({ min: 1, max: 5 }),
    producer,
    fc.boolean(),
    async (any, partitionCount, written, isAscii) => {
      const plain = (text: string) => isAscii ? text.replaceAll(/[^ -~]/g, "?") : text;
      const some = any.map(({ key, value }) => ({ key: plain(key), value: plain(value) }));
      const rows = {
        count: some.length,
        record: (index: number) => some[index]!,
      };
      const headers = isAscii ? ASCII_HEADERS : HEADERS;
      const [run] = new EncodedRecords(rows, headers, TIME_MS, COMPRESSIONS.none).runs(Infinity);
      const messages = some.map(({ key, value }) => ({
        key: Buffer.from(key),
        value: Buffer.from(value),
        headers,
        timestamp: TIME_MS as unknown as string,
      }));
      const expected = await requestOf(messages, partitionCount, Partitioners.DefaultPartitioner(), written);
      const ours = () =>
        requestOf(
          asMessages((partitions) => run!.byPartition(partitions.length)),
          partitionCount,
          askingPartitioner(),
          written,
        );
      assert.ok((await ours()).equals(expected));
      assert.ok((await ours()).equals(expected), "and again, when kafkajs tries again");
    },
  ));
});

Deno.test("a compressed batch has the records of one that is not, and says how they are compressed", () => {
  const rows = { count: 500, record: (i: number) => ({ key: `oven${i}`, value: `{"value":${i}}` }) };
  const batchOf = (name: CompressionName) => {
    const [run] = new EncodedRecords(rows, HEADERS, TIME_MS, COMPRESSIONS[name]).runs(Infinity);
    return run!.byPartition(1)[0]!.batch({ isTransactional: true, id: 7n, epoch: 3, firstSequence: 9 });
  };
  const plain = batchOf("none");
  for (const [name, number] of [["gzip", 1], ["lz4", 3], ["zstd", 4]] as const) {
    const batch = batchOf(name);
    const view = new DataView(batch.buffer, batch.byteOffset);
    assert.equal(view.getInt32(8), batch.length - 12);
    assert.equal(view.getUint32(17), crc32c(batch.subarray(21)));
    assert.equal(view.getInt16(21), 0x10 | number);
    assert.deepEqual(batch.subarray(23, 61), plain.subarray(23, 61));
    const records = DECOMPRESSION[name](batch.subarray(61), plain.length);
    assert.ok(Buffer.from(records).equals(plain.subarray(61)), name);
  }
});
