/** What is acknowledged when, at each point where the handler may die. */
import assert from "node:assert/strict";
import type { Progress } from "../../../src/contract/source.ts";
import { LogHistory } from "../../../src/event/log_history.ts";
import { events, namesOf, Reading } from "../../contract/source_reading.ts";
import { PATIENCE_MS, until } from "../../support/executable.ts";
import { FakeBroker, PUBACK, PUBCOMP, publish, PUBREC, pubrel } from "./fake_broker.ts";
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
    const isSeen = () =>
      reading.look().then(() => false, (error) => /has closed the connection/.test(error.message));
    await until(isSeen, "the lost connection to show", PATIENCE_MS);
    const looking = reading.look();
    const again = await broker.client(2);
    await looking;
    again.send(publish(1, 1, eventText(0), 8), publish(2, 2, eventText(2), 8));
    assert.deepEqual(await reading.readAll(), ["e1", "e0", "e2"]);
    await reading.partition.committed(reading.progress);
    assert.deepEqual([again.ids(PUBACK), again.ids(PUBREC)], [[1], [2]]);
  },
);

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
