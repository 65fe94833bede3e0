import assert from "node:assert/strict";
import Cluster from "kafkajs/src/cluster/index.js";
import Connection from "kafkajs/src/network/connection.js";
import { systemClock } from "../../../src/platform/clock/clock.ts";
import { COMPRESSIONS } from "../../../src/platform/kafka/compression.ts";
import { EncodedRecords } from "../../../src/sinks/kafka/encoded_records.ts";
import { KafkaPosition } from "../../../src/sinks/kafka/kafka_position.ts";
import { KafkaSession } from "../../../src/sinks/kafka/kafka_session.ts";
import { until } from "../../support/executable.ts";
import { kafkaClient, startKafka } from "../../support/kafka_broker.ts";
import { makeTopic } from "../../support/make_topic.ts";
import { newTopic } from "./kafka_backends.ts";
import { SILENT } from "../../support/logs.ts";

Deno.test("a transaction asks for its coordinators once, and again after a failure", async () => {
  const broker = await startKafka();
  const topic = newTopic();
  const admin = kafkaClient(broker.brokers).admin();
  await admin.connect();
  await makeTopic(admin, { topic, numPartitions: 1 });
  const session = new KafkaSession({ bootstrapServers: broker.brokers }, `tx.${topic}`, SILENT);
  const { producer } = session;
  const position = new KafkaPosition(`group.${topic}`, topic, systemClock, SILENT);
  const rows = { count: 1, record: () => ({ key: "a", value: "a" }) };
  const asked: string[] = [];
  producer.on(producer.events.REQUEST, ({ payload }) => void asked.push(payload.apiName));
  /** Returns how often it has asked for a coordinator; undefined: it has failed. */
  const commit = async () => {
    asked.length = 0;
    const transaction = await producer.transaction();
    try {
      const [records] = new EncodedRecords(rows, {}, 0, COMPRESSIONS.none).runs(Infinity);
      await session.send(transaction, topic, records!, systemClock);
      await position.send(transaction, 1, "state");
      await transaction.commit();
    } catch {
      await transaction.abort().catch(() => {});
      return undefined;
    }
    return asked.filter((request) => request === "GroupCoordinator").length;
  };
  /** A broker that has just started, or still ends the transaction before, fails some requests. */
  const untilCommitted = (isAsExpected: (asked: number) => boolean, what: string) =>
    until(async () => {
      const found = await commit();
      return found !== undefined && isAsExpected(found);
    }, what);
  try {
    await producer.connect();
    await session.admin.connect();
    await untilCommitted((asked) => asked >= 2, "a transaction that asks for its own and for the group's");
    await untilCommitted((asked) => asked === 0, "a transaction that asks for no coordinator");
    await assert.rejects(session.admin.fetchTopicMetadata({ topics: [`no.${topic}`] }));
    await untilCommitted((asked) => asked >= 2, "a transaction that asks for them again");
  } finally {
    await session.close();
    await admin.disconnect();
    await broker.remove();
  }
});

Deno.test("a coordinator that cannot be reached any more is asked for again, one for each id", async () => {
  const asked: string[] = [];
  let coordinator = 1;
  const cluster = {
    retrier: (work: () => unknown) => work(),
    findGroupCoordinatorMetadata({ groupId }: { groupId: string }) {
      asked.push(groupId);
      return Promise.resolve({ coordinator: { nodeId: coordinator } });
    },
    findBroker: ({ nodeId }: { nodeId: number }) =>
      nodeId === coordinator ? Promise.resolve({ nodeId }) : Promise.reject(new Error("gone")),
  };
  const find = async (groupId: string, coordinatorType?: number) =>
    (await Cluster.prototype.findGroupCoordinator.call(cluster, { groupId, coordinatorType })).nodeId;
  assert.deepEqual([await find("a"), await find("a"), await find("b"), await find("b")], [1, 1, 1, 1]);
  assert.deepEqual(asked.splice(0), ["a", "b"]);
  coordinator = 2;
  assert.deepEqual([await find("a"), await find("a"), await find("b")], [2, 2, 2]);
  assert.deepEqual(asked.splice(0), ["a", "b"]);
  assert.equal(await find("a", 1), 2);
  assert.deepEqual(asked, ["a"], "a transaction of the same name has a coordinator of its own");
});

Deno.test("any request that fails has the coordinators asked for again, and fails as it did", async () => {
  let asked = 0;
  const cluster = {
    retrier: (work: () => unknown) => work(),
    findGroupCoordinatorMetadata() {
      asked++;
      return Promise.resolve({ coordinator: { nodeId: 1 } });
    },
    findBroker: ({ nodeId }: { nodeId: number }) => Promise.resolve({ nodeId }),
  };
  const find = () => Cluster.prototype.findGroupCoordinator.call(cluster, { groupId: "a" });
  await find();
  await find();
  assert.equal(asked, 1);
  const fault = new Error("not the coordinator any more");
  const broken = new Proxy({}, {
    get() {
      throw fault;
    },
  });
  await assert.rejects(Connection.prototype.send.call(broken, { request: {}, response: {} }), fault);
  await find();
  assert.equal(asked, 2);
});
