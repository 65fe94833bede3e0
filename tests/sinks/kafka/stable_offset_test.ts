/** A coordinator that has not yet taken over what a transaction has committed. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Cluster } from "kafkajs";
import { WireReader } from "../../../src/platform/kafka/wire_reader.ts";
import { WireWriter } from "../../../src/platform/kafka/wire_writer.ts";
import { fetchStableOffset } from "../../../src/sinks/kafka/stable_offset.ts";

const OF = { groupId: "group", topic: "topic", partition: 0 };
const UNSTABLE = 88;

interface Answer {
  readonly offset: number;
  readonly metadata?: string;
  /** Of the partition. */
  readonly error?: number;
  /** Of the whole answer. */
  readonly groupError?: number;
  /** Of which partition it is; left out: of the one that was asked for. */
  readonly of?: { readonly topic: string; readonly partition: number };
}

interface Sent {
  readonly request: { apiVersion: number; encode(): Promise<{ buffer: Buffer }> };
  readonly response: { decode(bytes: Buffer): Promise<unknown>; parse(answer: unknown): Promise<unknown> };
}

/** kafkajs's cluster with one broker that gives these answers, one after the other. */
function clusterOf(answers: readonly Answer[], maxVersion = 10) {
  const asked: number[] = [];
  const looks: number[] = [];
  const next = () => answers[asked.length - 1]!;
  const coordinator = {
    versions: { 9: { maxVersion } },
    connectionPool: {
      async send({ request, response }: Sent) {
        asked.push(request.apiVersion);
        const reader = new WireReader((await request.encode()).buffer, true);
        reader.end();
        assert.equal(reader.string(), OF.groupId);
        const topics = reader.array(() => {
          const asked = [reader.string(), ...reader.array(() => reader.int32())];
          reader.end();
          return asked;
        });
        assert.deepEqual(topics, [[OF.topic, OF.partition]]);
        assert.equal(reader.boolean(), true, "stable offsets");
        reader.end();
        return await response.parse(await response.decode(Buffer.from(bytesOf(next()))));
      },
    },
    offsetFetch() {
      asked.push(4);
      const { offset, metadata = null, of: { partition } = OF } = next();
      return Promise.resolve({ responses: [{ partitions: [{ partition, offset: `${offset}`, metadata }] }] });
    },
  };
  const cluster = {
    findGroupCoordinator() {
      looks.push(asked.length);
      return Promise.resolve(coordinator);
    },
  };
  return { cluster: cluster as unknown as Cluster, asked, looks };
}

function bytesOf({ offset, metadata, error = 0, groupError = 0, of = OF }: Answer): Uint8Array {
  const writer = new WireWriter(true).end().int32(0);
  writer.array([of], ({ topic, partition }) =>
    writer.string(topic).array(
      [partition],
      (number) => writer.int32(number).int64(offset).int32(-1).string(metadata).int16(error).end(),
    ).end());
  return writer.int16(groupError).end().written;
}

/** A clock that sleeps no time, and notes how long it was to. */
const sleeps: number[] = [];
const clock = { sleep: (ms: number) => Promise.resolve(void sleeps.push(ms)) };

Deno.test("a position is asked for again until the broker has taken over what was committed", async () => {
  const { cluster, asked } = clusterOf([
    { offset: -1, error: UNSTABLE },
    { offset: -1, groupError: UNSTABLE },
    { offset: 12, metadata: "state" },
  ]);
  assert.deepEqual(await fetchStableOffset(cluster, OF, clock), { offset: 12, metadata: "state" });
  assert.deepEqual(asked, [7, 7, 7]);
  assert.deepEqual(sleeps.splice(0), [20, 20]);
});

Deno.test("a group without a position has none, and its errors are told", async () => {
  assert.equal(await fetchStableOffset(clusterOf([{ offset: -1 }]).cluster, OF, clock), undefined);
  for (const fault of [{ error: 30 }, { groupError: 30 }]) {
    const { cluster } = clusterOf([{ offset: -1, ...fault }]);
    await assert.rejects(fetchStableOffset(cluster, OF, clock), { type: "GROUP_AUTHORIZATION_FAILED" });
  }
});

Deno.test("a coordinator that loads or has changed is looked for and asked again, for some time", async () => {
  const moved = [14, 15, 16].map((groupError) => ({ offset: -1, groupError }));
  const { asked, cluster, looks } = clusterOf([...moved, { offset: 12, metadata: "state" }]);
  assert.deepEqual(await fetchStableOffset(cluster, OF, clock), { offset: 12, metadata: "state" });
  assert.deepEqual([asked.length, looks], [4, [0, 1, 2, 3]]);
  assert.deepEqual(sleeps.splice(0), [10, 20, 40]);
  const loading = clusterOf(Array.from({ length: 20 }, () => ({ offset: -1, error: 14 })));
  await assert.rejects(fetchStableOffset(loading.cluster, OF, clock), { type: "GROUP_LOAD_IN_PROGRESS" });
  assert.equal(loading.asked.length, 16);
  sleeps.length = 0;
});

Deno.test("a broker that has no stable offsets is asked as it can be", async () => {
  const { cluster, asked } = clusterOf([{ offset: 5 }], 6);
  assert.deepEqual(await fetchStableOffset(cluster, OF, clock), { offset: 5, metadata: null });
  assert.deepEqual(asked, [4]);
  const named = clusterOf([{ offset: 0, metadata: "state" }], 6).cluster;
  assert.deepEqual(await fetchStableOffset(named, OF, clock), { offset: 0, metadata: "state" });
  const first = clusterOf([{ offset: 0 }], 7);
  assert.deepEqual(await fetchStableOffset(first.cluster, OF, clock), { offset: 0, metadata: null });
  assert.deepEqual(first.asked, [7]);
});

Deno.test("an answer about other partitions tells nothing of the one that was asked for", async () => {
  for (const other of [{ topic: "topic", partition: 1 }, { topic: "other", partition: 0 }]) {
    const { cluster } = clusterOf([{ offset: 5, of: other }]);
    assert.equal(await fetchStableOffset(cluster, OF, clock), undefined);
  }
  const old = clusterOf([{ offset: 5, of: { topic: "topic", partition: 1 } }], 6);
  assert.equal(await fetchStableOffset(old.cluster, OF, clock), undefined);
});
