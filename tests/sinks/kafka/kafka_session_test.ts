/** What a session asks of kafkajs, and what becomes of its connections, without a broker. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createServer, type Server, Socket } from "node:net";
import { type ConsumerConfig, Kafka, type ProducerConfig } from "kafkajs";
import { KafkaSink } from "../../../src/sinks/kafka/kafka_sink.ts";
import { KafkaSession } from "../../../src/sinks/kafka/kafka_session.ts";
import type { RecordRun } from "../../../src/sinks/kafka/encoded_records.ts";
import { QUIET } from "../../contract/sink_samples.ts";

const OPTIONS = { bootstrapServers: ["k1:9092"] };
const CLOCK = { sleep: () => Promise.resolve() };
const GROUP = { groupId: "group", topic: "rows", partition: 0 };

/** A session whose clients note what they are asked for. */
function sessionWith(world: { readonly refusal?: Error } = {}) {
  const session = new KafkaSession(OPTIONS, undefined, QUIET);
  const done: string[] = [];
  const consumers: ConsumerConfig[] = [];
  const note = <T>(what: string, result?: T) => {
    done.push(what);
    return Promise.resolve(result as T);
  };
  const coordinator = {
    versions: {},
    offsetFetch: () =>
      note("offset", { responses: [{ partitions: [{ partition: 0, offset: "5", metadata: "state" }] }] }),
  };
  const cluster = {
    addTargetTopic: (topic: string) => note(`target ${topic}`),
    refreshMetadata: () => note("metadata"),
    findTopicPartitionMetadata: (
      topic: string,
    ) => (assert.equal(topic, "rows"), [{ partitionId: 0 }, { partitionId: 1 }]),
    fetchTopicsOffset: (topics: readonly unknown[]) =>
      note(`ends ${JSON.stringify(topics)}`, [{
        partitions: [{ partition: 0, offset: "9" }, { partition: 1, offset: "3" }],
      }]),
    findControllerBroker: () => note("controller", { produce: () => Promise.reject(world.refusal) }),
    findGroupCoordinator: () => Promise.resolve(coordinator),
  };
  const client = (name: string) => ({
    connect: () => note(`${name} comes`),
    disconnect: () => note(`${name} leaves`),
  });
  const kafka = {
    consumer(config: ConsumerConfig) {
      consumers.push(config);
      const own = client(config.groupId);
      const connect = () => {
        for (const assigner of config.partitionAssigners ?? []) {
          assigner({ cluster, groupId: config.groupId } as unknown as Parameters<typeof assigner>[0]);
        }
        return own.connect();
      };
      return { ...own, connect };
    },
  };
  const topics = [["0", "2", "7"], ["1", "0", "4"], ["2", "0", "0"]] as const;
  const admin = {
    ...client("admin"),
    fetchTopicOffsets: (
      topic: string,
    ) => (assert.equal(topic, "rows"),
      Promise.resolve(topics.map(([partition, low, high]) => ({ partition: Number(partition), low, high })))),
  };
  Object.assign(session, { kafka, admin, producer: client("producer") });
  return { session, done, consumers };
}

Deno.test("the ends of a topic are those of committed records and, beyond them, those of all", async () => {
  const { session, done, consumers } = sessionWith();
  const ends = await session.topicEnds("rows");
  assert.deepEqual(ends.map((end) => Object.values(end)), [[0, 2, 7, 9], [1, 0, 4, 4], [2, 0, 0, 0]]);
  assert.deepEqual(Object.keys(ends[0]!), ["partition", "firstOffset", "stableOffset", "endOffset"]);
  assert.deepEqual(done, [
    "unused comes",
    "target rows",
    'ends [{"topic":"rows","partitions":[{"partition":0},{"partition":1}],"fromBeginning":false}]',
    "unused leaves",
  ]);
  assert.deepEqual([consumers[0]!.readUncommitted, consumers[0]!.allowAutoTopicCreation], [true, false]);
});

Deno.test("a committed offset and the rights are asked for over a connection of their own, which ends", async () => {
  const committed = sessionWith();
  assert.deepEqual(await committed.session.committedOffset(GROUP, CLOCK), { offset: 5, metadata: "state" });
  assert.deepEqual(committed.done, ["unused comes", "metadata", "offset", "unused leaves"]);
  const refusal = Object.assign(new Error("no"), { type: "UNKNOWN_TOPIC_OR_PARTITION" });
  const tried = sessionWith({ refusal });
  await tried.session.tryRights({ topic: "rows", transaction: undefined });
  assert.deepEqual(tried.done, ["unused comes", "metadata", "controller", "unused leaves"]);
  const forbidden = Object.assign(new Error("forbidden"), { type: "TOPIC_AUTHORIZATION_FAILED" });
  const { session, done } = sessionWith({ refusal: forbidden });
  await assert.rejects(session.tryRights({ topic: "rows", transaction: undefined }), {
    message: "forbidden",
  });
  await session.close();
  assert.ok(done.includes("unused leaves"), "it leaves with the session");
});

Deno.test("a consumer reads committed records only, makes no topic, and ends with its first failure", async () => {
  const { session, consumers, done } = sessionWith();
  session.createConsumer("readers");
  const [{ groupId, readUncommitted, allowAutoTopicCreation, retry, maxBytes }] = consumers as [
    ConsumerConfig,
  ];
  assert.deepEqual([groupId, readUncommitted, allowAutoTopicCreation], ["readers", false, false]);
  assert.equal(await retry!.restartOnFailure!(new Error("gone")), false);
  assert.equal(maxBytes, 2 * 1024 * 1024);
  await session.close();
  assert.deepEqual(done, ["producer leaves", "admin leaves", "readers leaves"]);
});

/** The producers that are made meanwhile. */
async function producersOf(work: () => unknown): Promise<readonly ProducerConfig[]> {
  const { producer } = Kafka.prototype;
  const configs: ProducerConfig[] = [];
  Kafka.prototype.producer = function (config) {
    configs.push(config!);
    return producer.call(this, config);
  };
  try {
    await work();
  } finally {
    Kafka.prototype.producer = producer;
  }
  return configs;
}

Deno.test("a sink that counts each row once is known to brokers by its instance, another by no name", async () => {
  for (
    const [delivery, id] of [["exactly-once", "vabus-data-handler.plant-1"], [
      "at-least-once",
      undefined,
    ]] as const
  ) {
    const sink = new KafkaSink({
      ...OPTIONS,
      id: "kafka",
      topic: "rows",
      instance: "plant-1",
      delivery,
      compression: "none",
      clock: { nowMs: () => 0, sleep: () => Promise.resolve() },
    }, QUIET);
    const [config] = await producersOf(() => sink["newSession"]());
    assert.equal(config!.transactionalId, id);
  }
});

Deno.test("records are acknowledged by all replicas, and a producer repeats none", async () => {
  const { session } = sessionWith();
  const sent: { topic: string; acks?: number }[] = [];
  const to = { send: (record: { topic: string }) => (sent.push(record), Promise.resolve([])) };
  await session.send(to, "rows", { count: 0 } as unknown as RecordRun, CLOCK);
  assert.deepEqual(sent.map(({ topic, acks }) => [topic, acks]), [["rows", -1]]);

  const configs = await producersOf(() => {
    for (const transactionalId of [undefined, "plant"]) new KafkaSession(OPTIONS, transactionalId, QUIET);
  });
  const [plain, exact] = configs as [ProducerConfig, ProducerConfig];
  assert.deepEqual([plain.idempotent, plain.transactionalId], [true, undefined]);
  assert.deepEqual([exact.transactionalId, exact.transactionTimeout], ["plant", 60_000]);
  for (const { allowAutoTopicCreation, maxInFlightRequests } of configs) {
    assert.deepEqual([allowAutoTopicCreation, maxInFlightRequests], [false, 5]);
  }
});

async function withServer(work: (port: number, server: Server) => Promise<void>): Promise<void> {
  const server = createServer((socket) => socket.on("error", () => {}));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await work((server.address() as { port: number }).port, server);
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

/** Opens a connection as kafkajs has it opened. */
async function connected(session: KafkaSession, port: number): Promise<Socket> {
  const socket = await new Promise<Socket>((resolve) => {
    const onConnect = () => resolve(opened);
    const opened = session["connect"]({ host: "127.0.0.1", port, ssl: undefined, onConnect } as never);
  });
  return socket.on("error", () => {});
}

const closeOf = (socket: Socket) => new Promise<void>((resolve) => socket.once("close", () => resolve()));

Deno.test("connections end with their session, and it opens none any more", () =>
  withServer(async (port) => {
    const { session } = sessionWith();
    const [kept, gone] = [await connected(session, port), await connected(session, port)];
    gone.destroy();
    await closeOf(gone);
    assert.deepEqual([...session["sockets"]], [kept], "one that is gone is forgotten");
    const closed = closeOf(kept);
    await session.close();
    assert.equal(kept.destroyed, true);
    await closed;
    const request = { host: "127.0.0.1", port, ssl: undefined, onConnect: () => {} } as never;
    assert.throws(() => session["connect"](request), /the client is closed/);
  }));

Deno.test("what is said goes out at once, a silent broker is asked for, and no answer is endless", () =>
  withServer(async (port, server) => {
    const { session } = sessionWith();
    const { setNoDelay, setKeepAlive } = Socket.prototype;
    const set: unknown[] = [];
    Socket.prototype.setNoDelay = function (isOn) {
      set.push(isOn);
      return setNoDelay.call(this, isOn);
    };
    Socket.prototype.setKeepAlive = function (...given) {
      set.push(given);
      return setKeepAlive.apply(this, given);
    };
    const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
    try {
      const socket = await connected(session, port);
      assert.ok(set.includes(true), "no delay");
      assert.deepEqual(set.filter((each) => Array.isArray(each)), [[true, 60_000]]);
      const failed = new Promise<Error>((resolve) => socket.on("data", () => {}).once("error", resolve));
      (await accepted).write(Buffer.from([0x7f, 0xff, 0xff, 0xff]));
      assert.match((await failed).message, /127\.0\.0\.1/);
    } finally {
      Object.assign(Socket.prototype, { setNoDelay, setKeepAlive });
      await session.close();
    }
  }));
