/** A source of a topic beside its reads: new partitions, what the group is told, shares, and a probe. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Outcome, Partition, SourceContext } from "../../../src/contract/source.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { LogHistory } from "../../../src/event/log_history.ts";
import type { Clock } from "../../../src/platform/clock/clock.ts";
import { groupOf } from "../../../src/sources/kafka/group_offsets.ts";
import type { KafkaPartition } from "../../../src/sources/kafka/kafka_partition.ts";
import type { KafkaSourceOptions } from "../../../src/sources/kafka/kafka_source.ts";
import { until } from "../../support/executable.ts";
import { errorOf } from "../file/written_files.ts";
import { batchOf, eventRecords } from "./batches.ts";
import { FakeBroker } from "./fake_broker.ts";
import { loggerTo } from "../../support/logs.ts";

const NEVER = new AbortController().signal;
const [LOOK_MS, SHARES_LOOK_MS, COMMIT_MS] = [5000, 1000, 2000];
const CLOSE_MAX_MS = 1000;
const OWN = groupOf("plant-1");
const SHARED = groupOf("plant");

/** A clock whose sleeps end when a test says so, by how long they are. */
class SortedClock implements Clock {
  private readonly sleeps = new Map<number, Set<() => void>>();

  nowMs(): number {
    return 0;
  }

  monotonicMs(): number {
    return 0;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const all = this.sleeps.get(ms) ?? new Set();
      const end = () => {
        all.delete(end);
        resolve();
      };
      this.sleeps.set(ms, all.add(end));
      signal.addEventListener("abort", end);
      if (signal.aborted) end();
    });
  }

  /** Ends the sleeps of so long once there is one. */
  async wake(ms: number): Promise<void> {
    const all = await until(() => (this.sleeps.get(ms)?.size ?? 0) > 0 && this.sleeps.get(ms), `${ms} ms`);
    for (const end of [...all]) end();
  }

  isAsleep(ms: number): boolean {
    return (this.sleeps.get(ms)?.size ?? 0) > 0;
  }
}

/** A source of the topic of a broker. */
async function rig(broker: FakeBroker, options: Partial<KafkaSourceOptions> = {}, resume: Progressed = {}) {
  const clock = new SortedClock();
  const source = broker.createSource({ clock, instance: "plant-1", ...options });
  const changes: string[] = [];
  const present: Partition[] = [];
  const log: string[] = [];
  const idsOf = (partitions: readonly Partition[]) => partitions.map(({ id }) => id).join();
  const context = {
    resume: new Map(Object.entries(resume)),
    changed: (partitions: readonly Partition[]) => {
      changes.push(idsOf(partitions));
      present.splice(0, Infinity, ...partitions);
    },
    arrived: () => {},
    heardTime: () => {},
    withheld: () => {},
    mayReadAhead: () => false,
    lineages: { readerOf: () => undefined, isKnown: () => false },
    clock,
    logger: loggerTo(log, "info"),
  } as SourceContext;
  assert.equal(source.id, `kafka://127.0.0.1:${broker.answers.port}/t`);
  const partitions = await source.open(context, NEVER);
  const commit = (partition: Partition, position: string) =>
    partition.committed({ lineage: undefined, position, history: new LogHistory() });
  return { changes, clock, commit, context, ids: idsOf(partitions), log, partitions, present, source };
}

/** What a partition says that was not read before. */
function readOf(partition: Partition) {
  const from = { lineage: undefined, position: undefined, history: new LogHistory() };
  return partition.read(from, new EventBatch(), { limit: 1, waitMs: 0, isAfterRest: false }, NEVER);
}

type Progressed = Readonly<Record<string, string>>;

function brokerTest(name: string, test: (broker: FakeBroker) => Promise<void>): void {
  Deno.test(name, async () => {
    await using broker = await FakeBroker.start();
    await test(broker);
  });
}

brokerTest("partitions that are new or gone are told of once a look has seen them", async (broker) => {
  const { answers } = broker;
  const { changes, clock, ids, source } = await rig(broker);
  assert.equal(ids, "t/0");
  for (
    const [partitions, told] of [
      [[0], ""],
      [[0, 1], "t/0,t/1"],
      [[0, 1], "t/0,t/1"],
      [[0], "t/0,t/1 t/0"],
      [[], "t/0,t/1 t/0"],
      [[0, 1, 2], "t/0,t/1 t/0 t/0,t/1,t/2"],
    ] as const
  ) {
    answers.partitions = partitions;
    await clock.wake(LOOK_MS);
    await until(() => clock.isAsleep(LOOK_MS), "the look");
    assert.equal(changes.join(" "), told);
  }
  // A look that fails is not the last one.
  answers.sendMetadata = (_answer, socket) => socket.destroy();
  await clock.wake(LOOK_MS);
  await until(() => clock.isAsleep(LOOK_MS), "the look that fails");
  answers.sendMetadata = (answer, socket) => void socket.write(answer);
  answers.partitions = [0];
  await clock.wake(LOOK_MS);
  await until(() => changes.length === 4, "the look after it");
  await source.close();
  await until(() => !clock.isAsleep(LOOK_MS), "the end of the looks");
});

brokerTest("a group is told of what is on disk every two seconds, and at the end", async (broker) => {
  broker.answers.partitions = [0, 1];
  const { clock, commit, log, partitions, source } = await rig(broker);
  const [one, other] = partitions as [Partition, Partition];
  for (const position of ["3", "5"]) await commit(one, position);
  assert.equal(broker.committed.size, 0);
  await clock.wake(COMMIT_MS);
  await until(() => broker.committed.size, "the commit");
  assert.deepEqual([...broker.committed], [[`${OWN} 0`, "5 "]]);
  await commit(other, "7");
  await source.close();
  assert.deepEqual([...broker.committed], [[`${OWN} 0`, "5 "], [`${OWN} 1`, "7 "]]);
  assert.deepEqual(log, []);
});

brokerTest("a group that takes nothing is told of once, until it does again", async (broker) => {
  const { clock, commit, log, partitions, source } = await rig(broker);
  broker.answers.groupError = 30;
  for (const position of ["1", "2"]) {
    await commit(partitions[0]!, position);
    await clock.wake(COMMIT_MS);
    await until(() => !clock.isAsleep(COMMIT_MS), "the commit");
  }
  await until(() => log.length > 0, "the warning");
  assert.match(log.join(), /could not be committed to the group.*GROUP_AUTHORIZATION_FAILED.*group=/);
  broker.answers.groupError = 0;
  await commit(partitions[0]!, "3");
  await until(() => clock.isAsleep(COMMIT_MS), "the wait");
  await clock.wake(COMMIT_MS);
  await until(() => broker.committed.get(`${OWN} 0`) === "3 ", "the commit that is taken");
  assert.equal(log.length, 1);
  await source.close();
});

brokerTest("an instance reads its share, and takes what the others give to it", async (broker) => {
  broker.answers.partitions = [0, 1, 2];
  broker.committed.set(`${SHARED} 1`, "4 vabus-1 held 1 by plant-0");
  const share = { index: 1, count: 2, group: "plant" };
  const { changes, clock, ids, log, source } = await rig(broker, { share });
  assert.equal(ids, "", "another one has it");
  broker.committed.set(`${SHARED} 1`, "6 vabus-1 given 1 1/2 by plant-0");
  await clock.wake(SHARES_LOOK_MS);
  await until(() => changes.length > 0, "the change");
  assert.deepEqual(changes, ["t/1"]);
  assert.match(log.join("\n"), /the partition is read here from now on, from 6 on/);
  await clock.wake(SHARES_LOOK_MS);
  await until(() => clock.isAsleep(SHARES_LOOK_MS), "another look");
  assert.deepEqual(changes, ["t/1"]);
  // Also of partitions that are new.
  broker.answers.partitions = [0, 1, 2, 3];
  broker.committed.set(`${SHARED} 3`, "0 vabus-1 given 0 1/2 newest by plant-0");
  await clock.wake(LOOK_MS);
  await until(() => clock.isAsleep(LOOK_MS), "the look for new partitions");
  await clock.wake(SHARES_LOOK_MS);
  await until(() => changes.length > 1, "the second change");
  assert.deepEqual(changes, ["t/1", "t/1,t/3"]);
  broker.answers.partitions = [0, 1, 2];
  await source.close();
  const again = await rig(broker, { share }, { "t/1": "8 epoch 2 begun 0 read 6" });
  assert.equal(again.ids, "t/1");
  assert.equal(broker.committed.get(`${SHARED} 1`), "8 vabus-1 held 2 begun 0 by plant-1");
  await again.commit(again.partitions[0]!, "9 epoch 2 begun 0 read 6");
  await again.source.close();
  assert.equal(broker.committed.get(`${SHARED} 1`), "9 vabus-1 held 2 begun 0 by plant-1");
  const { connections } = broker;
  await again.source.close();
  assert.equal(broker.connections, connections, "it is closed once");
});

brokerTest("a share without a partition is told of, and one that has some is not", async (broker) => {
  const warned = async (index: number, count: number) => {
    const { log, source } = await rig(broker, { share: { index, count, group: "plant" } });
    await source.close();
    return log.filter((line) => /this one reads nothing here/.test(line)).length;
  };
  assert.deepEqual([await warned(0, 2), await warned(1, 2), await warned(2, 2)], [0, 1, 1]);
});

brokerTest(
  "a new source begins at the newest where it is told to, and what is new later at the oldest",
  async (broker) => {
    Object.assign(broker.answers, { oldest: 2, end: 7 });
    const beginning = async (partition: Partition) => {
      const outcome = await readOf(partition);
      return "next" in outcome ? outcome.next : outcome.kind;
    };
    for (
      const [startsAtEnd, resume, next] of [
        [true, {}, "7"],
        [true, { "t/9": "5" }, "2"],
        [true, { "t/8": "5", "t/9": "5" }, "2"],
        [false, {}, "2"],
      ] as const
    ) {
      broker.answers.partitions = [0];
      const { clock, partitions, present, source } = await rig(broker, { startsAtEnd }, resume);
      assert.equal(await beginning(partitions[0]!), next, `${startsAtEnd} ${Object.keys(resume)}`);
      broker.answers.partitions = [0, 1];
      await clock.wake(LOOK_MS);
      await until(() => present.length === 2, "the new partition");
      assert.equal(await beginning(present[1]!), "2");
      await source.close();
      broker.answers.partitions = [0];
      const share = { index: 0, count: 2, group: "plant" };
      const shared = await rig(broker, { startsAtEnd, share }, resume);
      assert.equal(await beginning(shared.partitions[0]!), `${next} epoch 1 begun ${next} read ${next}`);
      await shared.source.close();
      broker.committed.clear();
    }
  },
);

brokerTest("a source that is opened again closes what it had", async (broker) => {
  const { clock, context, source } = await rig(broker);
  assert.ok(clock.isAsleep(LOOK_MS));
  await source.open(context, NEVER);
  await source.close();
  await until(() => !clock.isAsleep(LOOK_MS), "the end of both");
});

brokerTest(
  "a source that is closed, a probe and a source that cannot be opened leave no connection",
  async (broker) => {
    const { answers } = broker;
    const gone = () => until(() => broker.connectionCount === 0, "the end of the connections");
    const { clock, partitions, source } = await rig(broker);
    await readOf(partitions[0]!);
    assert.ok(broker.connectionCount > 0);
    await source.close();
    await gone();
    assert.equal(clock.isAsleep(CLOSE_MAX_MS), false);
    const { connections } = broker;
    await source.close();
    assert.equal(broker.connections, connections, "it is closed once");
    await source.probe(NEVER);
    await gone();
    answers.partitions = [];
    await errorOf(source.probe(NEVER));
    await errorOf(rig(broker));
    await gone();
  },
);

brokerTest("a source is closed after a second though its group does not answer", async (broker) => {
  const { clock, commit, partitions, source } = await rig(broker);
  broker.answers.sendGroup = () => {};
  await commit(partitions[0]!, "5");
  const closed = source.close();
  await clock.wake(CLOSE_MAX_MS);
  await closed;
  await until(() => broker.connectionCount === 0, "the end of the connections");
});

brokerTest("a topic that goes says so until it comes back", async (broker) => {
  const { answers } = broker;
  const { clock, partitions, source } = await rig(broker);
  assert.equal((await readOf(partitions[0]!)).kind, "idle");
  answers.partitions = [];
  await clock.wake(LOOK_MS);
  await until(() => clock.isAsleep(LOOK_MS), "the look");
  assert.match((await errorOf(readOf(partitions[0]!))).message, /partition t\/0: no broker leads it/);
  answers.partitions = [0];
  assert.equal((await readOf(partitions[0]!)).kind, "idle", "it looks by itself");
  await source.close();
});

brokerTest(
  "of a topic that is made again, nothing is read that was fetched of the old one",
  async (broker) => {
    const { answers } = broker;
    const ids = [1, 2].map((byte) => Buffer.alloc(16, byte).toString("base64url"));
    Object.assign(answers, { topicId: ids[0], end: 100 });
    answers.batches = (offset) => [batchOf(eventRecords(offset, offset + 5), { firstOffset: offset })];
    const { clock, partitions, source } = await rig(broker);
    const [partition] = partitions as [Partition];
    const lineages = ids.map((id) => `kafka ${id}/0`);
    const outcome = await readOf(partition);
    assert.ok(outcome.kind === "events" && outcome.lineage === lineages[0]);
    const { feed } = partition as KafkaPartition;
    const look = async () => {
      await clock.wake(LOOK_MS);
      await until(() => clock.isAsleep(LOOK_MS), "the look");
    };
    await look();
    assert.deepEqual([feed.isActive, feed.topicId], [true, ids[0]], "it is the same topic");
    answers.topicId = ids[1];
    await look();
    assert.deepEqual([feed.isActive, feed.topicId, await partition.lineageNow!(NEVER)], [
      false,
      ids[1],
      lineages[1],
    ]);
    await source.close();
  },
);

brokerTest(
  "a topic that is found to be another one when its leader is looked for is read from its oldest record",
  async (broker) => {
    const { answers } = broker;
    const ids = [1, 2].map((byte) => Buffer.alloc(16, byte).toString("base64url"));
    Object.assign(answers, { topicId: ids[0], end: 100 });
    const { partitions, source } = await rig(broker);
    const [partition] = partitions as [KafkaPartition];
    const readFrom = (position: string) => {
      const from = { lineage: `kafka ${ids[0]}/0`, position, history: new LogHistory() };
      return partition.read(from, new EventBatch(), { limit: 1, waitMs: 0, isAfterRest: false }, NEVER);
    };
    assert.equal((await readFrom("90")).kind, "idle");
    // No broker has led it for a while.
    partition.feed.leader = -1;
    Object.assign(answers, { topicId: ids[1], end: 5, error: 1 });
    const { kind, lineage, next, lost } = await readFrom("90") as Extract<Outcome, { kind: "restarted" }>;
    assert.deepEqual([kind, lineage, next, lost], ["restarted", `kafka ${ids[1]}/0`, "0", 10]);
    await source.close();
  },
);

brokerTest("a broker may have the number 0, and is not looked for at each read", async (broker) => {
  const { answers } = broker;
  Object.assign(answers, { nodes: [0], leader: 0 });
  let looks = 0;
  answers.sendMetadata = (answer, socket) => {
    looks++;
    socket.write(answer);
  };
  const { partitions, source } = await rig(broker);
  for (let read = 0; read < 3; read++) assert.equal((await readOf(partitions[0]!)).kind, "idle");
  assert.equal(looks, 1);
  await source.close();
});

brokerTest(
  "those who look for a leader at once share the look, and what they find is not older than they",
  async (broker) => {
    const { answers } = broker;
    Object.assign(answers, { leader: -1, partitions: [0, 1, 2, 3] });
    const { partitions, source } = await rig(broker);
    const held: (() => void)[] = [];
    answers.sendMetadata = (answer, socket) => void held.push(() => socket.write(answer));
    const failing = (some: readonly Partition[]) => some.map((partition) => errorOf(readOf(partition)));
    const first = failing(partitions.slice(0, 2));
    await until(() => held.length > 0, "a look");
    const later = failing(partitions.slice(2));
    held[0]!();
    await Promise.all(first);
    await until(() => held.length > 1, "another look, for those who came later");
    assert.equal(held.length, 2);
    held[1]!();
    for (const { message } of await Promise.all([...first, ...later])) {
      assert.match(message, /no broker leads it/);
    }
    assert.equal(held.length, 2);
    answers.sendMetadata = (answer, socket) => void socket.write(answer);
    await source.close();
  },
);

brokerTest("other credentials hold from the next connection on", async (broker) => {
  const { clock, source } = await rig(broker);
  const login = { mechanism: "plain", username: "u", password: "p" } as const;
  source.change(broker.sourceOptions({ clock, access: { tls: undefined, login } }));
  assert.equal(broker.logins, 0);
  broker.answers.sendMetadata = (_answer, socket) => socket.destroy();
  await clock.wake(LOOK_MS);
  await until(() => broker.logins > 0, "a login");
  await source.close();
  const { logins } = broker;
  await errorOf(source.probe(NEVER));
  assert.ok(broker.logins > logins);
});

brokerTest("a probe tries to read each partition, and tells the share", async (broker) => {
  const { answers } = broker;
  const probed = async (options: Partial<KafkaSourceOptions> = {}) => {
    const source = broker.createSource({ clock: new SortedClock(), ...options });
    return await source.probe(NEVER).catch(({ kind, message }) => `${kind} ${message}`);
  };
  assert.equal(await probed(), "Kafka, 1 broker, topic t has 1 partition");
  answers.partitions = [0, 1, 2];
  assert.equal(await probed(), "Kafka, 1 broker, topic t has 3 partitions");
  const share = (index: number) => ({ share: { index, count: 2, group: "plant" } });
  assert.match(await probed(share(0)), /3 partitions, 2 of these for instance 0 of 2$/);
  assert.match(await probed(share(1)), /3 partitions, 1 of these for instance 1 of 2$/);
  answers.groupError = 30;
  assert.match(await probed(share(1)), /^refused .*GROUP_AUTHORIZATION_FAILED/);
  answers.error = 29;
  assert.match(await probed(), /^refused .*topic t.*TOPIC_AUTHORIZATION_FAILED/);
  answers.error = 0;
  assert.match(await probed({ topics: ["t", "u", "v"] }), /^unavailable .*there is no topic u, v, or the/);
  answers.leader = 7;
  assert.match(await probed(), /^unavailable .*the broker 7 is not there: is it down/);
});

brokerTest(
  "a topic that is not there when a source is opened, and a partition that nobody leads",
  async (broker) => {
    const { answers } = broker;
    answers.partitions = [];
    const { message } = await errorOf(rig(broker));
    assert.match(message, /there is no topic t, or the user may not see it/);
    answers.partitions = [0];
    answers.leader = -1;
    const { partitions, source } = await rig(broker);
    assert.match((await errorOf(readOf(partitions[0]!))).message, /no broker leads it/);
    await source.close();
  },
);
