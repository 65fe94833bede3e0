/** Brokers that break the protocol, or lie: each a clear reason, no event lost beside it, bounded memory. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { SourceError } from "../../../src/contract/source.ts";
import { events, Reading } from "../../contract/source_reading.ts";
import { randomNumbers } from "../../support/event_stream.ts";
import { mqttPacket, uint16 } from "../../support/mqtt_packets.ts";
import { testSeed } from "../../support/seed.ts";
import { accepted, FakeBroker, type Manners, publish, pubrel } from "./fake_broker.ts";
import { createMqttSource, eventText } from "./rig.ts";

const SEED = testSeed(256);
const FUZZED = 400;

/** The error of a read, which is one line for the operator. */
async function failureOf(reading: Reading): Promise<SourceError> {
  try {
    await reading.look();
  } catch (error) {
    assert.ok(error instanceof SourceError, `not a SourceError: ${error}`);
    assert.doesNotMatch(error.message, /\p{Cc}/u);
    return error;
  }
  assert.fail("it has not failed");
}

/** A PUBLISH whose properties of MQTT 5 are these bytes. */
function withProperties(topic: string, ...properties: number[]): Buffer {
  return mqttPacket(3, 0, topic, properties.length, Buffer.from(properties), Buffer.from(eventText(0)));
}

const REFUSALS: readonly (readonly [what: string, manners: Manners, kind: string, message: RegExp])[] = [
  [
    "sends before it has answered",
    { connack: () => publish(0, 0, "{}") },
    "garbage",
    /a PUBLISH before it has/,
  ],
  ["answers nothing but an end", { connack: () => mqttPacket(14, 0, 0x8b) }, "garbage", /DISCONNECT before/],
  ["cuts its answer short", { connack: () => mqttPacket(2, 0, 0) }, "garbage", /shorter than its contents/],
  [
    "has a property twice",
    {
      connack: () => mqttPacket(2, 0, 0, 0, 6, Buffer.of(0x21, 0, 1, 0x21, 0, 1)),
    },
    "garbage",
    /the property 33 twice/,
  ],
  [
    "has an unknown property",
    { connack: () => mqttPacket(2, 0, 0, 0, 2, Buffer.of(0x77, 0)) },
    "garbage",
    /119/,
  ],
  [
    "announces a large answer",
    {
      connack: () => Buffer.of(0x20, 0xff, 0xff, 0xff, 0x7f),
    },
    "garbage",
    /announces a CONNACK of 268435455 bytes/,
  ],
  [
    "has a length without an end",
    {
      connack: () => Buffer.of(0x20, 0xff, 0xff, 0xff, 0xff, 0x7f),
    },
    "garbage",
    /length does not end/,
  ],
  ["has no QoS 1", { connack: () => mqttPacket(2, 0, 0, 0, 2, Buffer.of(0x24, 0)) }, "refused", /no QoS 1/],
  [
    "knows no such user",
    { connack: () => mqttPacket(2, 0, 0, 0x86, 0) },
    "refused",
    /bad user name or password/,
  ],
  ["is busy", { connack: () => mqttPacket(2, 0, 0, 0x89, 0) }, "unavailable", /server busy/],
  ["refuses the subscription", { granted: 0x87 }, "refused", /subscription to plant\/#: not authorized/],
  ["grants less", { granted: 0 }, "refused", /grants plant\/# with QoS 0 only/],
];

for (const [what, manners, kind, message] of REFUSALS) {
  Deno.test(`a broker that ${what}`, async () => {
    await using broker = await FakeBroker.start(manners);
    const source = createMqttSource(broker.port, "hostile");
    const reading = await Reading.open(source);
    const error = await failureOf(reading);
    assert.match(error.message, message);
    assert.equal(error.kind, kind);
    // A better one, at the same place.
    broker.manners = { afterSubscribe: () => publish(1, 1, eventText(0)) };
    assert.deepEqual(await reading.readAll(), events(0, 1));
    await source.close();
  });
}

const BREACHES: readonly (readonly [what: string, packet: Buffer, message: RegExp])[] = [
  ["a PUBLISH with QoS 3", mqttPacket(3, 6, "t", uint16(1), 0), /QoS 3/],
  ["a packet id of 0", mqttPacket(3, 2, "t", uint16(0), 0), /packet id 0/],
  ["no topic", mqttPacket(3, 0, "", 0), /without a topic/],
  ["a topic that is cut off", mqttPacket(3, 0, uint16(9), Buffer.from("plant")), /shorter than its contents/],
  [
    "an alias that it has not explained",
    withProperties("", 0x23, 0, 7),
    /alias 7, which it has not explained/,
  ],
  ["an alias beyond the bound", withProperties("t", 0x23, 0xff, 0xff), /alias 65535, where 1 to 1000/],
  ["properties that are cut off", mqttPacket(3, 0, "t", 100, Buffer.of(1)), /properties that are cut off/],
  ["what only clients send", mqttPacket(8, 2, uint16(1), 0, "t", 1), /sends a SUBSCRIBE/],
  ["what was not agreed on", mqttPacket(15, 0), /sends an AUTH, which nothing here has asked for/],
  ["a release that is cut off", mqttPacket(6, 2, 1), /shorter than its contents/],
  ["an end, with its reason", mqttPacket(14, 0, 0x9d), /server moved.*VABUS_URL/],
];

for (const [what, packet, message] of BREACHES) {
  Deno.test(`a broker that sends ${what}: the connection ends, and the next one brings the events`, async () => {
    await using broker = await FakeBroker.start({ afterSubscribe: () => packet });
    const source = createMqttSource(broker.port, "hostile");
    const reading = await Reading.open(source);
    assert.match((await failureOf(reading)).message, message);
    broker.manners = { afterSubscribe: () => publish(1, 1, eventText(0)) };
    assert.deepEqual(await reading.readAll(), events(0, 1));
    await source.close();
  });
}

Deno.test("a broker that is down behind a proxy, which closes without a word: MQTT 5 is tried again", async () => {
  await using broker = await FakeBroker.start({ connack: () => Buffer.of(), isBrief: true });
  const source = createMqttSource(broker.port, "hostile");
  const reading = await Reading.open(source);
  await failureOf(reading);
  broker.manners = {};
  await reading.read();
  assert.deepEqual(broker.clients.map(({ version }) => version), [5, 4, 5]);
  await source.close();
});

Deno.test("a broker that has MQTT 5 and dies without a word is not asked for an older one, unless it does so again", async () => {
  await using broker = await FakeBroker.start();
  const source = createMqttSource(broker.port, "hostile");
  const reading = await Reading.open(source);
  await reading.read();
  broker.manners = { connack: () => Buffer.of(), isBrief: true };
  (await broker.client(1)).cut();
  // The first failure may be that of the connection before.
  while (broker.clients.length < 2) await assert.rejects(reading.read(), SourceError);
  assert.deepEqual(broker.clients.map(({ version }) => version), [5, 5]);
  await failureOf(reading);
  assert.deepEqual(broker.clients.map(({ version }) => version), [5, 5, 5, 4]);
  broker.manners = {};
  await reading.read();
  assert.deepEqual(broker.clients.map(({ version }) => version), [5, 5, 5, 4, 5]);
  await source.close();
});

Deno.test("a message of 256 MB is announced and 3 MB come: a dead letter with its beginning, then the next", async () => {
  const payload = Buffer.alloc(3 * 1024 * 1024, "x");
  const long = mqttPacket(3, 2, "plant/long", uint16(1), 0, payload);
  await using broker = await FakeBroker.start({
    afterSubscribe: () => Buffer.concat([long, publish(2, 1, eventText(0))]),
  });
  const source = createMqttSource(broker.port, "hostile");
  const reading = await Reading.open(source);
  assert.deepEqual(await reading.readAll(), events(0, 1));
  await source.close();
  const announced = await Reading.open(createMqttSource(broker.port, "announced"));
  const head = Buffer.of(0x32, 0xff, 0xff, 0xff, 0x7f, 0, 1, 0x74, 0, 9, 0);
  broker.manners = { afterSubscribe: () => Buffer.concat([publish(1, 1, eventText(0)), head]) };
  // Not with a ping, whose answer would be a part of the message.
  await announced.read({ waitMs: 300_000 });
  const { rss: before } = Deno.memoryUsage();
  const client = broker.clients[1]!;
  for (let i = 0; i < 8; i++) client.send(payload);
  await announced.read({ waitMs: 20 });
  assert.ok(Deno.memoryUsage().rss - before < 128 * 1024 * 1024);
  client.cut();
  await announced.source.close();
});

Deno.test("topics of 65,535 bytes, with odd characters, and such as are no UTF-8", async () => {
  const topics = ["t".repeat(65_535), "plant/\u0001/\u202e/😀", "plant/a b/ü"];
  const bad = mqttPacket(3, 0, Buffer.of(0, 2, 0xff, 0xfe), 0, Buffer.from(eventText(9)));
  await using broker = await FakeBroker.start({
    afterSubscribe: () =>
      Buffer.concat([
        ...topics.map((topic, i) => publish(i + 1, 1, eventText(i), 0, topic)),
        bad,
        publish(9, 1, eventText(3)),
      ]),
  });
  const source = createMqttSource(broker.port, "topics");
  const reading = await Reading.open(source);
  await reading.read({ limit: 100 });
  const { batch } = reading;
  assert.deepEqual([batch.total, batch.count], [5, 4]);
  assert.deepEqual(batch.invalid.map(({ detail, index }) => [index, detail]), [[
    3,
    "its topic is not UTF-8",
  ]]);
  assert.deepEqual(topics.map((_, i) => batch.originOf!(i).topic), topics);
  await source.close();
});

Deno.test(`${FUZZED} conversations with flipped bytes, TEST_SEED=${SEED}: each read ends, with events or a reason`, async () => {
  const random = randomNumbers(SEED);
  const draw = (below: number) => Math.floor(random() * below);
  await using broker = await FakeBroker.start();
  const source = createMqttSource(broker.port, "fuzzed");
  const reading = await Reading.open(source);
  const good = [
    publish(1, 1, eventText(0)),
    publish(2, 2, eventText(1)),
    publish(0, 0, "{}"),
    pubrel(2),
    withProperties("plant/b", 0x23, 0, 1),
    withProperties("", 0x23, 0, 1),
  ];
  const mutated = () => {
    const bytes = Buffer.concat(Array.from({ length: 1 + draw(6) }, () => good[draw(good.length)]!));
    for (let i = draw(4); i > 0; i--) bytes[draw(bytes.length)] = draw(256);
    return bytes.subarray(0, bytes.length - draw(3));
  };
  const answer = () => {
    const bytes = accepted(5, true);
    if (draw(2) === 0) bytes[draw(bytes.length)] = draw(256);
    return Buffer.concat([bytes, mutated()]);
  };
  while (broker.clients.length < FUZZED) {
    broker.manners = {
      isBrief: true,
      ...(draw(4) === 0 ? { connack: answer } : { afterSubscribe: mutated }),
    };
    await reading.read({ limit: 100 }).catch((error) => {
      assert.ok(error instanceof SourceError, `${broker.clients.length}: ${error.stack}`);
      assert.doesNotMatch(error.message, /\p{Cc}/u);
    });
    await reading.partition.committed(reading.progress);
  }
  broker.manners = { afterSubscribe: () => publish(77, 1, eventText(5)) };
  await source.close();
  const sound = createMqttSource(broker.port, "fuzzed");
  assert.deepEqual(await (await Reading.open(sound)).readAll(), events(5, 6));
  await sound.close();
});
