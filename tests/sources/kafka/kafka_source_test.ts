/** Topics of a real broker, as a source. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { CompressionCodecs, CompressionTypes, type Message } from "kafkajs";
import snappy from "snappyjs";
import { readerFor } from "../../../src/codec/mapping/record_reader.ts";
import { SourceError } from "../../../src/contract/source.ts";
import { groupOf } from "../../../src/sources/kafka/group_offsets.ts";
import { events, namesOf, Reading } from "../../contract/source_reading.ts";
import { PATIENCE_MS, until } from "../../support/executable.ts";
import { sharedKafka } from "../../support/shared_servers.ts";
import { NO_EVENT_TEXTS } from "../event_texts.ts";
import { KafkaTopic } from "./kafka_topic.ts";

const NEVER = new AbortController().signal;

function valueOf(number: number): Message {
  return { value: JSON.stringify({ name: `e${number}`, value: number, timestamp: 1000 }) };
}

function valuesOf(from: number, to: number): Message[] {
  return Array.from({ length: to - from }, (_, i) => valueOf(from + i));
}

/** A test with a topic of its own. */
function topicTest(
  name: string,
  test: (topic: KafkaTopic) => Promise<void>,
  settings: Readonly<Record<string, string>> = {},
): void {
  Deno.test(name, async () => {
    await using stack = new AsyncDisposableStack();
    const broker = await sharedKafka();
    stack.defer(() => broker.remove());
    const topic = await KafkaTopic.create(broker.brokers, 1, settings);
    stack.defer(() => topic.remove());
    await test(topic);
  });
}

async function withSource(
  topic: KafkaTopic,
  test: (reading: Reading) => Promise<void>,
  options: Parameters<KafkaTopic["createSource"]>[0] = {},
): Promise<void> {
  const source = topic.createSource(options);
  try {
    await test(await Reading.open(source));
  } finally {
    await source.close();
  }
}

topicTest("records of each compression are read, whatever stands beside them", async (topic) => {
  const codecs = {
    [CompressionTypes.GZIP]: (bytes: Uint8Array) => gzipSync(bytes),
    [CompressionTypes.Snappy]: (bytes: Uint8Array) => Buffer.from(snappy.compress(bytes)),
    [CompressionTypes.ZSTD]: (bytes: Uint8Array) => zstdCompressSync(bytes),
  };
  const known: Record<number, unknown> = CompressionCodecs;
  let sent = 0;
  for (const [type, compress] of Object.entries(codecs)) {
    const number = Number(type);
    const before = known[number];
    known[number] = () => ({
      compress: ({ buffer }: { buffer: Uint8Array }) => Promise.resolve(compress(buffer)),
      decompress: () => Promise.reject(new Error("the product reads")),
    });
    await topic.send(valuesOf(sent, sent + 7), number);
    known[number] = before;
    sent += 7;
    await topic.send([{ value: null }, { value: null, headers: { a: "b" } }]);
  }
  await withSource(topic, async (reading) => {
    assert.deepEqual(await reading.readAll(), events(0, sent));
    assert.equal(reading.progress.position, `${sent + 6} leader 0`);
  });
});

topicTest("what was aborted is passed over, and what is open waits", async (topic) => {
  const producer = await topic.transactions(`tx-${topic.name}`);
  try {
    let committed = 0;
    for (let round = 0; round < 6; round++) {
      const transaction = await producer.transaction();
      const isAborted = round % 2 === 1;
      const messages = isAborted ? valuesOf(1000, 1005) : valuesOf(committed, committed + 3);
      await transaction.send({ topic: topic.name, messages });
      if (isAborted) await transaction.abort();
      else await transaction.commit();
      committed += isAborted ? 0 : 3;
    }
    await withSource(topic, async (reading) => {
      assert.deepEqual(await reading.readAll(), events(0, committed));
      const open = await producer.transaction();
      await open.send({ topic: topic.name, messages: valuesOf(committed, committed + 2) });
      await topic.send(valuesOf(committed + 2, committed + 3));
      assert.deepEqual(await reading.readAll(), []);
      await open.commit();
      await until(
        async () => (await reading.read({ waitMs: 100 })).kind === "events",
        "the transaction to be stable",
        PATIENCE_MS,
      );
      const first = namesOf(reading.batch);
      assert.deepEqual([...first, ...await reading.readAll()], events(committed, committed + 3));
    });
  } finally {
    await producer.disconnect();
  }
});

topicTest("a partition that is added is found, and read from its oldest record on", async (topic) => {
  await topic.send(valuesOf(0, 2));
  await withSource(topic, async (reading) => {
    assert.deepEqual(await reading.readAll(), events(0, 2));
    const { partition } = reading;
    await topic.addPartitions(3);
    await topic.send([{ partition: 2, ...valueOf(2) }]);
    await until(() => reading.partitions.length === 3, "the new partitions", PATIENCE_MS);
    assert.equal(reading.partitions[0], partition);
    const third = reading.other(`${topic.name}/2`);
    assert.deepEqual(await third.readAll(), events(2, 3));
    await topic.send(valuesOf(3, 4));
    assert.deepEqual(await reading.readAll(), events(3, 4));
  });
});

topicTest("start=newest: what was there is left out, what comes is not", async (topic) => {
  await topic.send(valuesOf(0, 3));
  await withSource(topic, async (reading) => {
    assert.deepEqual(await reading.readAll(), []);
    await topic.send(valuesOf(3, 5));
    assert.deepEqual(await reading.readAll(), events(3, 5));
  }, { startsAtEnd: true });
});

topicTest("the group of consumers is told how far it is", async (topic) => {
  await topic.send(valuesOf(0, 5));
  await withSource(topic, async (reading) => {
    await reading.readAll();
    await reading.partition.committed(reading.progress);
  });
  const [found] = await topic.admin.fetchOffsets({ groupId: groupOf(topic.name), topics: [topic.name] });
  assert.equal(found!.partitions[0]!.offset, "5");
});

topicTest("name, label and time come from topic, key and bus where the mapping says so", async (topic) => {
  await topic.send([{ key: "oven", value: "21.5", timestamp: "1700000000123" }, { value: "x" }]);
  const reader = readerFor({ ...NO_EVENT_TEXTS, format: "value", name: "{topic}", labels: "who:{key}" });
  await withSource(topic, async (reading) => {
    assert.equal((await reading.read()).kind, "events");
    const { batch } = reading;
    assert.equal(batch.count, 1);
    assert.match(namesOf(batch)[0]!, new RegExp(`^${topic.name}.*who.*oven`, "s"));
    assert.deepEqual([batch.value[0], batch.timeMs[0]], [21.5, 1_700_000_000_123]);
    assert.equal(batch.invalid.length, 1);
    assert.deepEqual(batch.originOf!(0), {
      offset: 0,
      topic: topic.name,
      key: "oven",
      busMs: 1_700_000_000_123,
    });
  }, { reader });
});

topicTest("a record that is too long, or nothing at all, costs nothing beside it", async (topic) => {
  const long = JSON.stringify({ name: "long", value: 1, timestamp: 1, note: "x".repeat(50_000_000) });
  await topic.send([valueOf(0), { value: long }, valueOf(1), { value: "" }, valueOf(2)]);
  await withSource(topic, async (reading) => {
    const details: string[] = [];
    const names: string[] = [];
    while ((await reading.read()).kind === "events") {
      names.push(...namesOf(reading.batch));
      for (const invalid of reading.batch.invalid) {
        details.push(invalid.detail);
        assert.ok(reading.batch.rawOfInvalid(invalid).length <= 64 * 1024);
      }
    }
    assert.deepEqual(names, events(0, 3));
    assert.equal(details.length, 2);
    assert.match(details[0]!, /^a record of \d+ bytes, of which 1048576 are allowed$/);
  });
}, { "max.message.bytes": "60000000" });

topicTest(
  "what compaction has left of a topic is read: gaps are no loss, and tombstones no events",
  async (topic) => {
    const keyed = (key: string, number: number) => ({ key, ...valueOf(number) });
    await topic.send([keyed("a", 0), keyed("b", 1), keyed("a", 2), keyed("c", 3)]);
    await topic.send([{ key: "b", value: null }, keyed("a", 4)]);
    // Only what is behind the segment that is written is compacted.
    let names: (string | number)[] = [];
    await until(
      async () => {
        await topic.send([keyed("d", 5)]);
        await withSource(topic, async (reading) => {
          names = await reading.readAll();
        });
        return names[0] === "e3";
      },
      "the topic to be compacted",
      PATIENCE_MS,
    );
    assert.deepEqual([...new Set(names)], ["e3", "e4", "e5"]);
  },
  {
    "cleanup.policy": "compact",
    "segment.ms": "50",
    "min.cleanable.dirty.ratio": "0.001",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": "100",
  },
);

topicTest("a topic that is missing, and one that is named twice, are told of", async (topic) => {
  const source = topic.createSource({ topics: ["no-such-topic"] });
  await assert.rejects(source.probe(NEVER), (error) => {
    assert.ok(error instanceof SourceError && error.kind === "unavailable");
    return /there is no topic no-such-topic/.test(error.message);
  });
  await topic.send(valuesOf(0, 1));
  await withSource(topic, async (reading) => {
    const lineages = {
      readerOf: (lineage: string) => ({ name: "another", lineageNow: () => Promise.resolve(lineage) }),
      isKnown: () => false,
    };
    const twice = topic.createSource();
    const second = await Reading.open(twice, undefined, { lineages });
    await assert.rejects(second.read(), /it is the same as another: name this topic only once in VABUS_URL/);
    await twice.close();
    assert.deepEqual(await reading.readAll(), events(0, 1));
  });
});

topicTest("a topic that was read at another address goes on where it was left", async (topic) => {
  await withSource(topic, async (reading) => {
    const source = topic.createSource({ name: "kafka://elsewhere/topic" });
    await reading.read();
    const known = reading.progress.lineage;
    const lineages = { readerOf: () => undefined, isKnown: (lineage: string) => lineage === known };
    const moved = await Reading.open(source, undefined, { lineages });
    assert.deepEqual(await moved.look(), { kind: "moved", lineage: known });
    await source.close();
  });
});

for (
  const [what, count, note] of [
    ["hundreds of partitions are read side by side", 300, ""],
    [
      "many partitions that do not fit into one answer are each read to their ends by one look",
      60,
      "x".repeat(400_000),
    ],
  ] as const
) {
  Deno.test(what, async () => {
    await using stack = new AsyncDisposableStack();
    const broker = await sharedKafka();
    stack.defer(() => broker.remove());
    const topic = await KafkaTopic.create(broker.brokers);
    stack.defer(() => topic.remove());
    await withSource(topic, async (reading) => {
      await topic.addPartitions(count);
      await until(() => reading.partitions.length === count, "the new partitions", PATIENCE_MS);
      await topic.send(
        Array.from({ length: count }, (_, partition) => ({
          partition,
          value: JSON.stringify({ name: `e${partition}`, value: 1, timestamp: 1000, note }),
        })),
      );
      const found = await Promise.all(reading.partitions.map(({ id }) => reading.other(id).readAll()));
      assert.deepEqual(found.flat(), events(0, count));
    });
  });
}
