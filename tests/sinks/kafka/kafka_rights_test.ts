import assert from "node:assert/strict";
import type { Cluster } from "kafkajs";
import { tryRights } from "../../../src/sinks/kafka/kafka_rights.ts";
import { Stall } from "../../../src/sinks/kafka/stall.ts";

/** What a broker answers, by the request; `"fine"`: it has nothing against it. */
type Answers = Partial<Record<"produce" | "fetch" | "addOffsetsToTxn" | "group" | "transaction", string>>;

function scene(answers: Answers = {}) {
  const asked: string[] = [];
  const answer = (request: keyof Answers, expected: string, what: unknown) => {
    asked.push(`${request} ${JSON.stringify(what)}`);
    const type = answers[request] ?? expected;
    return type === "fine" ? Promise.resolve() : Promise.reject(Object.assign(new Error(type), { type }));
  };
  const kinds = ["group", "transaction"] as const;
  const broker = {
    produce: (what: unknown) => answer("produce", "UNKNOWN_TOPIC_OR_PARTITION", what),
    fetch: (what: unknown) => answer("fetch", "UNKNOWN_TOPIC_OR_PARTITION", what),
    addOffsetsToTxn: (what: unknown) => answer("addOffsetsToTxn", "INVALID_PRODUCER_ID_MAPPING", what),
    findGroupCoordinator: (what: { coordinatorType: number }) =>
      answer(kinds[what.coordinatorType]!, "fine", what),
  };
  const cluster = {
    refreshMetadata: () => Promise.resolve(void asked.push("metadata")),
    findControllerBroker: () => Promise.resolve(broker),
    findGroupCoordinator: () => Promise.resolve(broker),
  } as unknown as Cluster;
  const rights = (transaction?: { id: string; groupId: string }) =>
    tryRights(cluster, { topic: "t", transaction });
  return { asked, rights };
}

const TRANSACTION = { id: "id", groupId: "group" };
const NO_PARTITION = 2 ** 31 - 1;

Deno.test("each right is tried by a request that the broker must refuse", async () => {
  const { asked, rights } = scene();
  await rights(TRANSACTION);
  assert.deepEqual(asked, [
    "metadata",
    `produce ${
      JSON.stringify({
        topicData: [{
          topic: "t",
          partitions: [{ partition: NO_PARTITION, messages: [{ key: "check", value: null }] }],
        }],
      })
    }`,
    'transaction {"groupId":"id","coordinatorType":1}',
    'addOffsetsToTxn {"transactionalId":"id","groupId":"group","producerId":-1,"producerEpoch":0}',
    'group {"groupId":"group","coordinatorType":0}',
    `fetch ${
      JSON.stringify({
        maxWaitTime: 0,
        topics: [{ topic: "t", partitions: [{ partition: NO_PARTITION, fetchOffset: "0", maxBytes: 1 }] }],
      })
    }`,
  ]);
});

Deno.test("without transactions only writing is tried", async () => {
  const { asked, rights } = scene();
  await rights();
  assert.deepEqual(asked.map((one) => one.split(" ")[0]), ["metadata", "produce"]);
});

Deno.test("a refusal that is to be expected says nothing, and any other is thrown", async () => {
  for (const request of ["produce", "fetch", "addOffsetsToTxn", "group", "transaction"] as const) {
    await scene({ [request]: "fine" }).rights(TRANSACTION);
    await assert.rejects(scene({ [request]: "NOT_ALLOWED" }).rights(TRANSACTION), { type: "NOT_ALLOWED" });
  }
  const expected: readonly (readonly [request: keyof Answers, types: readonly string[]])[] = [
    ["addOffsetsToTxn", ["CONCURRENT_TRANSACTIONS", "GROUP_LOAD_IN_PROGRESS", "NOT_COORDINATOR_FOR_GROUP"]],
    ["group", ["GROUP_COORDINATOR_NOT_AVAILABLE"]],
    ["transaction", ["GROUP_COORDINATOR_NOT_AVAILABLE"]],
  ];
  for (const [request, types] of expected) {
    for (const type of types) await scene({ [request]: type }).rights(TRANSACTION);
  }
});

Deno.test("a stall is told once nothing has happened for its time, counted anew each time that something does", async () => {
  const sleeps: { ms: number; signal: AbortSignal; end: () => void }[] = [];
  let stalls = 0;
  const stall = new Stall(
    500,
    { sleep: (ms, signal) => new Promise((end) => sleeps.push({ ms, signal, end })) },
    () => stalls++,
  );
  const isOver = () => sleeps.map(({ signal }) => signal.aborted);
  assert.deepEqual([sleeps.map(({ ms }) => ms), isOver()], [[500], [false]]);
  stall.restart();
  assert.deepEqual(isOver(), [true, false]);
  sleeps[0]!.end();
  await Promise.resolve();
  assert.equal(stalls, 0);
  sleeps[1]!.end();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(stalls, 1);
  stall.end();
  assert.deepEqual(isOver(), [true, true]);
});
