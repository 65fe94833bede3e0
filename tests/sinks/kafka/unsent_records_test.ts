/** Records on their way to several brokers, with kafkajs, while leaders move. */
import assert from "node:assert/strict";
import type { Producer } from "kafkajs";
import { COMPRESSIONS } from "../../../src/platform/kafka/compression.ts";
import { WireReader } from "../../../src/platform/kafka/wire_reader.ts";
import { WireWriter } from "../../../src/platform/kafka/wire_writer.ts";
import { EncodedRecords, type RecordRun } from "../../../src/sinks/kafka/encoded_records.ts";
import { KafkaSession } from "../../../src/sinks/kafka/kafka_session.ts";
import {
  API_VERSIONS,
  type Request,
  ScriptedBroker,
  versionsAnswer,
} from "../../sources/kafka/scripted_broker.ts";
import { SILENT } from "../../support/logs.ts";

const TOPIC = "rows";
const [PRODUCE, METADATA, INIT_PRODUCER_ID] = [0, 3, 22];
const VERSIONS = [[PRODUCE, 3], [METADATA, 5], [INIT_PRODUCER_ID, 0], [API_VERSIONS, 0]] as const;
const [NONE, NOT_LEADER, MESSAGE_TOO_LARGE] = [0, 6, 10];
const CLOCK = { sleep: () => Promise.resolve() };
const ROWS = 40;

/** A request to write, as its broker sees it. */
interface Writing {
  readonly node: number;
  readonly partitions: readonly {
    readonly partition: number;
    readonly sequence: number;
    readonly count: number;
  }[];
  /** Confirms or refuses it, with the number of an error. */
  readonly answer: (error: number) => void;
}

/** Brokers 1 and 2. What they confirm they keep, but not a second time under the same number. */
class TwoBrokers implements AsyncDisposable {
  /** The leaders of the partitions. */
  leaders = [1, 2];
  /** What becomes of a request to write. */
  written = ({ answer }: Writing) => answer(NONE);
  /** Records in each partition. */
  readonly kept = [0, 0];
  private readonly next = [0, 0];
  private readonly brokers: ScriptedBroker[] = [];

  static async start(): Promise<TwoBrokers> {
    const made = new TwoBrokers();
    for (const node of [1, 2]) {
      made.brokers.push(await ScriptedBroker.start((request) => made.received(node, request)));
    }
    return made;
  }

  get addresses(): string[] {
    return this.brokers.map(({ address: { host, port } }) => `${host}:${port}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const broker of this.brokers) await broker[Symbol.asyncDispose]();
  }

  private received(node: number, { answer, body, key }: Request): void {
    if (key === API_VERSIONS) answer(versionsAnswer(VERSIONS));
    else if (key === METADATA) answer(this.metadata());
    else if (key === INIT_PRODUCER_ID) {
      answer(new WireWriter(false).int32(0).int16(0).int64(7).int16(0).written);
    } else if (key === PRODUCE) {
      const partitions = written(body);
      const reply = (error: number) => {
        if (error === NONE) { for (const one of partitions) this.keep(one); }
        const writer = new WireWriter(false);
        writer.array([TOPIC], (topic) => {
          writer.string(topic).array(partitions, ({ partition }) => {
            writer.int32(partition).int16(error).int64(0).int64(-1);
          });
        });
        answer(writer.int32(0).written);
      };
      this.written({ node, partitions, answer: reply });
    }
  }

  private keep({ count, partition, sequence }: Writing["partitions"][number]): void {
    if (sequence + count <= this.next[partition]!) return;
    assert.equal(sequence, this.next[partition]);
    this.next[partition] = sequence + count;
    this.kept[partition]! += count;
  }

  private metadata(): Uint8Array {
    const writer = new WireWriter(false);
    writer.int32(0).array(this.brokers.map(({ address }) => address), ({ host, port }) => {
      writer.int32(this.nodeAt(port)).string(host).int32(port).string(undefined);
    });
    writer.string("cluster").int32(1).array([TOPIC], (topic) => {
      writer.int16(0).string(topic).boolean(false).array(
        [...this.leaders.entries()],
        ([partition, leader]) => {
          writer.int16(0).int32(partition).int32(leader);
          for (let lists = 0; lists < 3; lists++) writer.array([1], (node) => writer.int32(node));
        },
      );
    });
    return writer.written;
  }

  private nodeAt(port: number): number {
    return 1 + this.brokers.findIndex(({ address }) => address.port === port);
  }
}

function written(body: Uint8Array): Writing["partitions"] {
  const reader = new WireReader(body, false);
  reader.string();
  reader.int16();
  reader.int32();
  const [partitions] = reader.array(() => {
    reader.string();
    return reader.array(() => {
      const partition = reader.int32();
      const batch = reader.block()!;
      const view = new DataView(batch.buffer, batch.byteOffset);
      return { partition, sequence: view.getInt32(53), count: view.getInt32(57) };
    });
  });
  return partitions!;
}

function runOf(): RecordRun {
  const rows = { count: ROWS, record: (i: number) => ({ key: `oven${i}`, value: `{"value":${i}}` }) };
  const [run] = new EncodedRecords(rows, {}, 1_700_000_000_000, COMPRESSIONS.none).runs(Infinity);
  return run!;
}

/** @param sees Told of each call of kafkajs that fails. */
async function sent(brokers: TwoBrokers, times = 1, sees = () => {}): Promise<void> {
  const session = new KafkaSession({ bootstrapServers: brokers.addresses }, undefined, SILENT);
  const to: Pick<Producer, "send"> = {
    send(record) {
      const sending = session.producer.send(record);
      sending.catch(sees);
      return sending;
    },
  };
  try {
    await session.producer.connect();
    for (let i = 0; i < times; i++) await session.send(to, TOPIC, runOf(), CLOCK);
  } finally {
    await session.close();
  }
}

const both = runOf().byPartition(2);
const SHARES = [both[0]!.length, both[1]!.length];

Deno.test("records reach the leaders of their partitions, one request for each leader", async () => {
  await using brokers = await TwoBrokers.start();
  brokers.leaders = [2, 2];
  const asked: number[][] = [];
  brokers.written = ({ answer, node, partitions }) => {
    asked.push([node, ...partitions.map(({ partition }) => partition)]);
    answer(NONE);
  };
  await sent(brokers);
  assert.deepEqual(asked, [[2, 0, 1]]);
  assert.deepEqual(brokers.kept, SHARES);
});

Deno.test("records are not lost where a broker that has confirmed others becomes their leader", async () => {
  await using brokers = await TwoBrokers.start();
  const held: Writing[] = [];
  brokers.written = (writing) => {
    if (brokers.leaders[0] === 2) return writing.answer(NONE);
    held.push(writing);
    if (held.length < 2) return;
    brokers.leaders = [2, 2];
    for (const { answer, node } of held.sort((a, b) => b.node - a.node)) {
      answer(node === 1 ? NOT_LEADER : NONE);
    }
  };
  await sent(brokers);
  assert.deepEqual(brokers.kept, SHARES);
});

Deno.test("records are not written twice where their broker is slower than another one fails", async () => {
  await using brokers = await TwoBrokers.start();
  let slow: Writing | undefined;
  let refusals = 0;
  const release = () => {
    slow?.answer(NONE);
    slow = undefined;
  };
  brokers.written = (writing) => {
    if (writing.node === 2) {
      if (slow !== undefined || refusals > 1) return writing.answer(NONE);
      slow = writing;
    } else if (refusals++ === 0) writing.answer(NOT_LEADER);
    else {
      release();
      writing.answer(NONE);
    }
  };
  await sent(brokers, 2, release);
  assert.deepEqual(brokers.kept, SHARES.map((count) => 2 * count));
});

Deno.test("what a broker refuses for good is not sent again", async () => {
  await using brokers = await TwoBrokers.start();
  let requests = 0;
  brokers.written = ({ answer, node }) => {
    requests++;
    answer(node === 1 ? MESSAGE_TOO_LARGE : NONE);
  };
  await assert.rejects(sent(brokers), { type: "MESSAGE_TOO_LARGE" });
  assert.equal(requests, 2);
});

Deno.test("attempts end after some time", async () => {
  await using brokers = await TwoBrokers.start();
  let requests = 0;
  brokers.written = ({ answer, node }) => {
    if (node === 1) requests++;
    answer(node === 1 ? NOT_LEADER : NONE);
  };
  await assert.rejects(sent(brokers));
  assert.equal(requests, 16);
  assert.deepEqual(brokers.kept, [0, SHARES[1]]);
});

Deno.test("records stay in their partitions where others are added meanwhile, and none is left out", async () => {
  for (const leaders of [[1, 2, 2], [1]]) {
    await using brokers = await TwoBrokers.start();
    let isRefused = false;
    brokers.written = ({ answer, node }) => {
      if (node === 2 && !isRefused) {
        isRefused = true;
        brokers.leaders = leaders;
        return answer(NOT_LEADER);
      }
      answer(NONE);
    };
    if (leaders.length > 1) {
      await sent(brokers);
      assert.deepEqual(brokers.kept, SHARES);
    } else await assert.rejects(sent(brokers), /no partition 1 any more/);
  }
});
