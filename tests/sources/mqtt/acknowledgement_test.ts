/** What is acknowledged when, at each point where the handler may die. */
import assert from "node:assert/strict";
import type { Progress } from "../../../src/contract/source.ts";
import { LogHistory } from "../../../src/event/log_history.ts";
import { events, LIMIT, namesOf, Reading } from "../../contract/source_reading.ts";
import { PATIENCE_MS, until } from "../../support/executable.ts";
import {
  FakeBroker,
  type FakeClient,
  type Manners,
  PINGREQ,
  pingresp,
  PUBACK,
  PUBCOMP,
  publish,
  PUBREC,
  pubrel,
  SUBSCRIBE,
} from "./fake_broker.ts";
import { createMqttSource, eventText } from "./rig.ts";

/** A reading of a new process that goes on where another one was. */
async function another(broker: FakeBroker, { position }: Progress): Promise<Reading> {
  const from = { lineage: undefined, position, history: new LogHistory() };
  const reading = await Reading.open(createMqttSource(broker.port, "ack", { qos: 2 }), from);
  await reading.partition.committed(reading.progress);
  // Connects.
  await reading.read();
  return reading;
}

function brokerTest(name: string, test: (broker: FakeBroker, reading: Reading) => Promise<void>): void {
  Deno.test(name, async () => {
    await using broker = await FakeBroker.start();
    const reading = await Reading.open(createMqttSource(broker.port, "ack", { qos: 2 }));
    try {
      await reading.read();
      await test(broker, reading);
    } finally {
      await reading.source.close();
    }
  });
}

/** Publishes with the ids 1 to `count`, and reads them. */
async function published(broker: FakeBroker, reading: Reading, qos: number, count: number): Promise<void> {
  const client = await broker.client(1);
  client.send(...Array.from({ length: count }, (_, i) => publish(i + 1, qos, eventText(i))));
  assert.deepEqual(await reading.readAll(), events(0, count));
}

brokerTest("QoS 1: acknowledged once it is on disk, and only what is", async (broker, reading) => {
  const client = await broker.client(1);
  client.send(...[1, 2, 3, 4, 5, 6].map((id) => publish(id, 1, eventText(id))));
  await reading.read({ limit: 4 });
  const { progress } = reading;
  await reading.read({ limit: 4 });
  assert.deepEqual(client.ids(PUBACK), []);
  await reading.partition.committed(progress);
  assert.deepEqual(client.ids(PUBACK), [1, 2, 3, 4]);
  await reading.partition.committed(reading.progress);
  assert.deepEqual(client.ids(PUBACK), [1, 2, 3, 4, 5, 6]);
});

brokerTest("QoS 2: received and released once each is on disk", async (broker, reading) => {
  await published(broker, reading, 2, 3);
  const client = await broker.client(1);
  assert.deepEqual(client.ids(PUBREC), []);
  assert.equal(reading.progress.position, "q2 3 1-3");
  await reading.partition.committed(reading.progress);
  assert.deepEqual(client.ids(PUBREC), [1, 2, 3]);
  client.send(pubrel(2), pubrel(1));
  assert.deepEqual(await reading.readAll(), []);
  assert.equal(reading.progress.position, "q2 5 3");
  assert.deepEqual(client.ids(PUBCOMP), []);
  await reading.partition.committed(reading.progress);
  assert.deepEqual(client.ids(PUBCOMP), [2, 1]);
});

brokerTest("QoS 2, died before the checkpoint: it comes again and is new", async (broker, reading) => {
  const { progress: before } = reading;
  await published(broker, reading, 2, 2);
  const next = await another(broker, before);
  (await broker.client(2)).send(...[0, 1].map((i) => publish(i + 1, 2, eventText(i), 8)));
  assert.deepEqual(await next.readAll(), events(0, 2));
  await next.source.close();
});

brokerTest(
  "QoS 2, died after the checkpoint, before PUBREC: it comes again and is known",
  async (broker, reading) => {
    await published(broker, reading, 2, 2);
    const next = await another(broker, reading.progress);
    const client = await broker.client(2);
    client.send(...[0, 1].map((i) => publish(i + 1, 2, eventText(i), 8)), publish(3, 2, eventText(2)));
    assert.deepEqual(await next.readAll(), events(2, 3));
    assert.equal(next.progress.position, "q2 5 1-3");
    await next.partition.committed(next.progress);
    assert.deepEqual(client.ids(PUBREC), [1, 2, 3]);
    await next.source.close();
  },
);

brokerTest("QoS 2, died after PUBREC: the release takes the id away", async (broker, reading) => {
  await published(broker, reading, 2, 2);
  const next = await another(broker, reading.progress);
  const client = await broker.client(2);
  client.send(pubrel(1), pubrel(2));
  assert.deepEqual(await next.readAll(), []);
  assert.equal(next.progress.position, "q2 4");
  await next.source.close();
});

brokerTest("QoS 2, died before PUBCOMP had arrived: the release comes again", async (broker, reading) => {
  await published(broker, reading, 2, 1);
  await reading.partition.committed(reading.progress);
  (await broker.client(1)).send(pubrel(1));
  await reading.readAll();
  const next = await another(broker, reading.progress);
  const client = await broker.client(2);
  client.send(pubrel(1));
  assert.deepEqual(await next.readAll(), []);
  await next.partition.committed(next.progress);
  assert.deepEqual(client.ids(PUBCOMP), [1]);
  client.send(publish(1, 2, eventText(1)));
  assert.deepEqual(await next.readAll(), events(1, 2));
  await next.source.close();
});

brokerTest(
  "QoS 2: an id that comes for the first time is a new message, whatever the state says",
  async (broker, reading) => {
    await published(broker, reading, 2, 2);
    const next = await another(broker, reading.progress);
    (await broker.client(2)).send(publish(1, 2, eventText(7)), publish(2, 2, eventText(1), 8));
    assert.deepEqual(await next.readAll(), events(7, 8));
    await next.source.close();
  },
);

brokerTest(
  "a connection that is lost: what was not taken in comes again, and QoS 0 stays",
  async (broker, reading) => {
    const client = await broker.client(1);
    client.send(publish(1, 1, eventText(0)), publish(0, 0, eventText(1)), publish(2, 2, eventText(2)));
    await reading.look();
    assert.deepEqual(namesOf(reading.batch), events(0, 3));
    client.cut();
    const isSeen = () => reading.look().then(({ kind }) => kind === "idle");
    await until(isSeen, "the lost connection to show", PATIENCE_MS);
    await assert.rejects(reading.read(), /has closed the connection/);
    const looking = reading.look();
    const again = await broker.client(2);
    await looking;
    again.send(publish(1, 1, eventText(0), 8), publish(2, 2, eventText(2), 8));
    assert.deepEqual(await reading.readAll(), ["e1", "e0", "e2"]);
    await reading.partition.committed(reading.progress);
    assert.deepEqual([again.ids(PUBACK), again.ids(PUBREC)], [[1], [2]]);
  },
);

for (const [what, flags] of [["once more", 8], ["for another message", 0]] as const) {
  brokerTest(
    `a packet id that is used ${what} before it is free: what came before counts, the rest comes again`,
    async (broker, reading) => {
      const client = await broker.client(1);
      const again = publish(1, 2, eventText(3), flags);
      client.send(
        publish(1, 2, eventText(0)),
        publish(2, 1, eventText(1)),
        again,
        publish(3, 2, eventText(4)),
        publish(0, 0, eventText(2)),
      );
      const outcome = await reading.read();
      assert.ok(outcome.kind === "events" && outcome.awaitsCommit);
      assert.deepEqual(namesOf(reading.batch), events(0, 3));
      await reading.partition.committed(reading.progress);
      assert.deepEqual([client.ids(PUBREC), client.ids(PUBACK)], [[1], [2]]);
      await assert.rejects(reading.read(), /uses the packet id 1 again before it is free/);
      const looking = reading.look();
      const next = await broker.client(2);
      await looking;
      next.send(pubrel(1));
      assert.deepEqual(await reading.readAll(), []);
      await reading.partition.committed(reading.progress);
      next.send(publish(1, 2, eventText(3), 8), publish(3, 2, eventText(4), 8));
      assert.deepEqual(await reading.readAll(), events(3, 5));
    },
  );
}

brokerTest("a broker that waits for acknowledgements gets them at once", async (broker, reading) => {
  const client = await broker.client(1);
  client.send(...Array.from({ length: 20 }, (_, i) => publish(i + 1, 1, eventText(i))));
  const outcome = await reading.read({ limit: 100 });
  assert.ok(outcome.kind === "events" && outcome.awaitsCommit);
  await reading.partition.committed(reading.progress);
  client.send(publish(1, 1, eventText(20)));
  const single = await reading.read({ limit: 100 });
  assert.ok(single.kind === "events" && !single.awaitsCommit);
});

/** Reads as `once` does, to the end that the source sees. The broker does meanwhile what a test says. */
async function readOnce(manners: Manners, act: (client: FakeClient) => Promise<unknown>): Promise<string[]> {
  await using broker = await FakeBroker.start(manners);
  const reading = await Reading.open(createMqttSource(broker.port, "ack", { qos: 2, endsWhenRead: true }));
  const names: string[] = [];
  const drain = async () => {
    for (;;) {
      const outcome = await reading.read();
      assert.ok(outcome.kind === "events" || outcome.kind === "idle");
      if (outcome.kind === "events") names.push(...namesOf(reading.batch));
      if (outcome.awaitsCommit) await reading.partition.committed(reading.progress);
      else if (outcome.kind === "idle") return;
    }
  };
  try {
    const drained = drain();
    const client = await broker.client(1);
    await client.hears(SUBSCRIBE);
    await Promise.race([drained, act(client)]);
    await drained;
    return names;
  } finally {
    await reading.source.close();
  }
}

Deno.test("once: the end is not where messages wait behind releases", async () => {
  // More than are read at once.
  const window = 3 * LIMIT;
  const names = await readOnce({}, async (client) => {
    for (let round = 0; round < 3; round++) {
      const ids = Array.from({ length: window }, (_, i) => i + 1);
      client.send(...ids.map((id) => publish(id, 2, eventText(round * window + id - 1))));
      await client.hears(PUBREC, (round + 1) * window);
      client.send(...ids.map(pubrel));
      await client.hears(PUBCOMP, (round + 1) * window);
    }
  });
  assert.deepEqual(names, events(0, 3 * window));
});

Deno.test("once: the end is not where a slow broker has not answered yet", async () => {
  const names = await readOnce({ isSlow: true }, async (client) => {
    await client.hears(PINGREQ);
    client.send(publish(1, 2, eventText(0)), pingresp());
    for (let pings = 2;; pings++) {
      await client.hears(PINGREQ, pings);
      client.send(pingresp());
    }
  });
  assert.deepEqual(names, events(0, 1));
});
