/** A session beside its messages: who it says it is, what it says of itself, and what of it is no event. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { connectSocket } from "../../../src/platform/net/server_socket.ts";
import { clientIdOf, type MqttOptions } from "../../../src/sources/mqtt/mqtt_options.ts";
import type { MqttPosition } from "../../../src/sources/mqtt/mqtt_position.ts";
import { MqttSession } from "../../../src/sources/mqtt/mqtt_session.ts";
import { PacketIds } from "../../../src/sources/mqtt/packet_ids.ts";
import { Subscriptions } from "../../../src/sources/mqtt/subscriptions.ts";
import { SourceError } from "../../../src/contract/source.ts";
import { events, Reading } from "../../contract/source_reading.ts";
import { until } from "../../support/executable.ts";
import { lengthOf, type MqttPacket, mqttPacket, uint16 } from "../../support/mqtt_packets.ts";
import {
  accepted,
  CONNECT,
  FakeBroker,
  type Manners,
  PINGREQ,
  publish,
  pubrel,
  SUBSCRIBE,
} from "./fake_broker.ts";
import { createMqttSource, eventText, mqttOptions } from "./rig.ts";
import { loggerTo } from "../../support/logs.ts";

const NEVER = new AbortController().signal;
const [PUBLISH, DISCONNECT] = [3, 14];
const STATUS = "vabus/status/plant-1";
const RETAINED = 1;
const [SESSION_TAKEN_OVER, SHUTTING_DOWN] = [0x8e, 0x8b];

const OLD: Manners = {
  connack: ({ body }) => body[6] === 5 ? mqttPacket(2, 0, 0, 1) : accepted(4, (body[7]! & 2) === 0),
};

const from = (ids: PacketIds): MqttPosition => ({ qos: 2, step: 0, ids, isConnecting: true });

/** The name of a session with a version of MQTT, from its CONNECT. */
function clientIdIn({ body }: MqttPacket): string {
  const at = body[6] === 5 ? 11 + body[10]! : 10;
  return body.subarray(at + 2, at + 2 + body.readUInt16BE(at)).toString();
}

/** The texts that a client has published, with their flags. */
function publishedBy(packets: readonly MqttPacket[]): string[] {
  return packets.filter(({ type }) => type === PUBLISH).map(({ body, flags }) => {
    const length = body.readUInt16BE(0);
    return `${flags} ${body.subarray(2, 2 + length)} ${body.subarray(2 + length + 1)}`;
  });
}

function warnings() {
  const log: string[] = [];
  return { log, logger: loggerTo(log, "warn") };
}

async function withReading(
  manners: Manners,
  options: Partial<MqttOptions>,
  test: (rig: { broker: FakeBroker; reading: Reading; log: string[] }) => Promise<void>,
): Promise<void> {
  await using broker = await FakeBroker.start(manners);
  const { log, logger } = warnings();
  const source = createMqttSource(broker.port, "plant-1", options);
  const reading = await Reading.open(source, undefined, { logger });
  try {
    await test({ broker, reading, log });
  } finally {
    await source.close();
  }
}

Deno.test("a session says that it is there, and that it leaves", () =>
  withReading({}, {}, async ({ broker, reading }) => {
    await reading.read();
    const client = await broker.client(1);
    assert.deepEqual(publishedBy(await client.hears(PUBLISH)), [`${RETAINED} ${STATUS} online`]);
    await reading.source.close();
    const [left] = await client.hears(DISCONNECT);
    assert.equal(left!.body.length, 0, "the session stays");
    assert.deepEqual(publishedBy(client.heard), ["online", "offline"].map((text) => `1 ${STATUS} ${text}`));
    const [connect] = client.ofType(CONNECT);
    assert.ok(connect!.body.includes(Buffer.from(`${STATUS}\0\x07offline`)), "its will");
    await reading.source.close();
  }));

Deno.test("a session that says nothing of itself has no will", () =>
  withReading({}, { statusTopic: undefined }, async ({ broker, reading }) => {
    await reading.read();
    const client = await broker.client(1);
    await reading.source.close();
    await client.hears(DISCONNECT);
    assert.deepEqual(publishedBy(client.heard), []);
    assert.doesNotMatch(client.ofType(CONNECT)[0]!.body.toString("latin1"), /offline/);
  }));

Deno.test("other credentials hold from the next connection on", () =>
  withReading({}, { username: "u", password: "first" }, async ({ broker, reading }) => {
    await reading.read();
    const source = reading.source as ReturnType<typeof createMqttSource>;
    source.change(mqttOptions(broker.port, "plant-1", { username: "u", password: "second" }));
    (await broker.client(1)).cut();
    await reading.read().catch(() => reading.read());
    const passwords = (await Promise.all([1, 2].map((count) => broker.client(count)))).map((client) =>
      /first|second/.exec(client.ofType(CONNECT)[0]!.body.toString("latin1"))?.[0]
    );
    assert.deepEqual(passwords, ["first", "second"]);
    await source.probe(NEVER);
    const [visit] = (await broker.client(3)).ofType(CONNECT);
    assert.match(visit!.body.toString("latin1"), /second/);
  }));

Deno.test("a source that is opened again leaves the session that it had", () =>
  withReading({}, {}, async ({ broker, reading }) => {
    await reading.read();
    const again = await Reading.open(reading.source);
    await (await broker.client(1)).hears(DISCONNECT);
    await again.read();
    assert.equal((await broker.client(2)).ofType(DISCONNECT).length, 0);
  }));

/** A session beside its reader. */
async function withSession(
  manners: Manners,
  options: Partial<MqttOptions>,
  test: (session: MqttSession, broker: FakeBroker, log: string[]) => Promise<void>,
): Promise<void> {
  await using broker = await FakeBroker.start(manners);
  const { log, logger } = warnings();
  const session = new MqttSession(mqttOptions(broker.port, "plant-1", options), logger);
  try {
    await test(session, broker, log);
  } finally {
    await session.close();
  }
}

Deno.test("who waits is told at once of a connection that has ended, and why is told once", () =>
  withSession({}, {}, async (session, broker) => {
    assert.equal(await session.connect(undefined, NEVER), "ready");
    const ends = session.arrival();
    (await broker.client(1)).cut();
    await ends;
    await session.arrival();
    assert.throws(() => session.assertAlive(), { kind: "unavailable" });
    session.assertAlive();
    assert.equal(session.isAt(0), false);
  }));

Deno.test("a broker that gives the session to another client: that is told once, and no other end is that", () =>
  withSession({}, {}, async (session, broker) => {
    const ends = [[SESSION_TAKEN_OVER, true], [SHUTTING_DOWN, false]] as const;
    for (const [i, [reason, isTakeOver]] of ends.entries()) {
      await session.connect(undefined, NEVER);
      const arrival = session.arrival();
      (await broker.client(i + 1)).send(mqttPacket(DISCONNECT, 0, reason, 0));
      await arrival;
      assert.deepEqual([session.takeOver(), session.takeOver()], [isTakeOver, false]);
      assert.throws(() => session.assertAlive(), SourceError);
    }
  }));

Deno.test("the session is taken over before the handler has subscribed", () =>
  withSession({ granted: 1 }, {}, async (session, broker) => {
    const greeting = Buffer.concat([accepted(5, false), mqttPacket(DISCONNECT, 0, SESSION_TAKEN_OVER, 0)]);
    broker.manners = { connack: () => greeting };
    await assert.rejects(session.connect(undefined, NEVER), { kind: "refused" });
    assert.equal(session.takeOver(), true);
  }));

Deno.test("filters that overlap: each has a SUBSCRIBE with its identifier, and a message for both is one event", async () => {
  const filters = ["plant/#", "plant/+"];
  const subscriptions = new Subscriptions(filters);
  const sent = (id: number, filter: string) => {
    const property = Buffer.concat([Buffer.of(0x0b), lengthOf(subscriptions.idOf(filter)!)]);
    const text = Buffer.from(eventText(id));
    return mqttPacket(3, 2, "plant/a", uint16(id), lengthOf(property.length), property, text);
  };
  await withReading({}, { filters }, async ({ broker, reading }) => {
    await reading.read();
    const client = await broker.client(1);
    const packets = await client.hears(SUBSCRIBE, 2);
    for (const [i, { body }] of packets.entries()) {
      const id = lengthOf(subscriptions.idOf(filters[i]!)!);
      assert.ok(body.subarray(3).indexOf(Buffer.concat([Buffer.of(0x0b), id])) === 0);
    }
    client.send(sent(1, "plant/#"), sent(2, "plant/+"));
    await client.hears(PINGREQ);
    assert.deepEqual(await reading.readAll(), ["e1"]);
  });
});

Deno.test("filters that overlap are refused where the broker does not tell for which one it sends", async () => {
  const filters = ["plant/#", "plant/+"];
  const without = mqttPacket(2, 0, 0, 0, 2, 0x29, 0);
  for (const manners of [OLD, { connack: () => without }]) {
    await withSession(manners, { filters }, async (session) => {
      await assert.rejects(session.connect(undefined, NEVER), {
        kind: "refused",
        message: /may send a message that both plant\/# and plant\/\+ match twice/,
      });
    });
    await withSession(manners, { filters: ["a"] }, async (session) => {
      assert.equal(await session.connect(undefined, NEVER), "ready");
    });
  }
});

Deno.test("a reader may go on at the steps that there are, with a connection", () =>
  withSession({}, {}, async (session, broker) => {
    let count = 0;
    session.connected = () => count++;
    assert.equal(session.isAt(0), false);
    await session.connect(undefined, NEVER);
    assert.deepEqual([count, session.isAt(0), session.isAt(1)], [1, true, false]);
    const arrival = session.arrival();
    (await broker.client(1)).send(publish(1, 1, eventText(0)));
    await arrival;
    assert.deepEqual([session.isAt(1), session.isAt(2)], [true, false]);
    await session.connect({ ...from(new PacketIds()), qos: 1, step: 7 }, NEVER);
    assert.deepEqual([count, session.isAt(7), session.isAt(6), session.isAt(8)], [2, true, false, false]);
    await until(() => broker.clients[0]!.isGone, "the end of the connection before");
    assert.equal(broker.clients[1]!.isGone, false);
    broker.manners = { connack: () => mqttPacket(2, 0, 0, 0x89, 0) };
    await assert.rejects(session.connect(undefined, NEVER), { kind: "unavailable" });
    assert.equal(session.isAt(0), false);
    session.assertAlive();
    broker.manners = {};
    await session.connect(undefined, NEVER);
    assert.equal(session.isAt(0), true);
    await session.close();
    assert.equal(session.isAt(0), false);
    session.assertAlive();
  }));

Deno.test("a packet id that is used again after all was acknowledged ends the connection at once", () =>
  withSession({}, { qos: 2 }, async (session, broker) => {
    await session.connect(undefined, NEVER);
    const client = await broker.client(1);
    const arrival = session.arrival();
    client.send(publish(1, 2, eventText(0)));
    await arrival;
    await session.committed(1);
    client.send(publish(1, 2, eventText(1)));
    await session.arrival();
    assert.throws(() => session.assertAlive(), {
      kind: "garbage",
      message: /uses the packet id 1 again before/,
    });
  }));

Deno.test("a session without its subscription has no connection", () =>
  withSession({ granted: 0x87 }, {}, async (session, broker) => {
    await assert.rejects(session.connect(undefined, NEVER), { kind: "refused" });
    assert.equal(session.isAt(0), false);
    await until(() => broker.clients[0]!.isGone, "the end of the connection");
  }));

const KNOWN = PacketIds.parse("7")!;

Deno.test("a broker of MQTT 3.1.1 is asked for its retained messages once for each QoS, one of MQTT 5 each time", async () => {
  for (const [manners, level, counts] of [[OLD, 4, [1, 1, 2]], [{}, 5, [1, 2, 3]]] as const) {
    await withSession(manners, {}, async (session, broker) => {
      const ids = new PacketIds();
      for (const [i, from] of [undefined, { qos: 1, step: 0, ids }, { qos: 2, step: 0, ids }].entries()) {
        assert.equal(await session.connect(from as MqttPosition | undefined, NEVER), "ready");
        const subscribed = broker.clients.flatMap((client) => client.ofType(SUBSCRIBE));
        assert.equal(subscribed.length, counts[i], `MQTT ${level}, ${from?.qos}`);
      }
      assert.equal(broker.clients.at(-1)!.version, level);
    });
  }
});

Deno.test("a session that may be another one: where nothing comes, it is subscribed, with MQTT 3.1.1 too", async () => {
  for (
    const [manners, isTrusted, subscribes] of [[{}, true, 1], [OLD, true, 0], [{}, false, 1], [
      OLD,
      false,
      1,
    ]] as const
  ) {
    await withSession(manners, { qos: 2 }, async (session, broker, log) => {
      if (isTrusted) session.trust();
      const name = `MQTT ${manners === OLD ? 4 : 5}, ${isTrusted}`;
      assert.equal(await session.connect(from(new PacketIds()), NEVER), "ready", name);
      assert.equal(broker.clients.at(-1)!.ofType(SUBSCRIBE).length, subscribes, name);
      assert.equal(log.length, isTrusted ? 0 : 1, name);
      if (isTrusted) return;
      assert.match(log[0]!, /before it was on disk that they were connected.*bus=/);
      // With MQTT 3.1.1, what is retained may have been sent before.
      const flags = [RETAINED, 0];
      const bytes = manners === OLD ? [] : [0];
      broker.clients.at(-1)!.send(
        ...flags.map((flag, i) =>
          mqttPacket(PUBLISH, 2 << 1 | flag, "plant/a", uint16(i + 1), ...bytes, eventText(i))
        ),
      );
      await session.ping(NEVER);
      const { messages, steps } = session.inFlight.look(9, 1e6);
      assert.deepEqual([steps, messages.length], [2, manners === OLD ? 1 : 2]);
      await session.connect(from(new PacketIds()), NEVER);
      assert.equal(log.length, 1, "it was seen since");
    });
  }
});

Deno.test("a session that may be another one: what comes without a SUBSCRIBE shows that it is the same", async () => {
  const { connack } = OLD;
  const manners: Manners = {
    connack: (packet) =>
      packet.body[6] === 5 ? connack!(packet) : Buffer.concat([connack!(packet), pubrel(7)]),
  };
  await withSession(manners, { qos: 2 }, async (session, broker, log) => {
    assert.equal(await session.connect(from(KNOWN), NEVER), "ready");
    assert.equal(broker.clients.at(-1)!.ofType(SUBSCRIBE).length, 0);
    broker.clients.at(-1)!.send(mqttPacket(PUBLISH, 2 << 1 | RETAINED, "plant/a", uint16(1), eventText(0)));
    await session.ping(NEVER);
    assert.deepEqual([session.inFlight.look(9, 1e6).messages.length, log], [1, []]);
  });
});

Deno.test("a session that may be another one: it is, where nothing is said of the packet ids that were known", async () => {
  for (const manners of [{}, OLD]) {
    await withSession(manners, { qos: 2 }, async (session, broker) => {
      assert.equal(await session.connect(from(KNOWN), NEVER), "lost");
      const client = broker.clients.at(-1)!;
      const [left] = await client.hears(DISCONNECT);
      assert.equal(left!.body.length, 0, "should it have been the same, nothing of it is gone");
      assert.deepEqual(client.ofType(SUBSCRIBE), []);
      session.trust();
      assert.equal(await session.connect(from(KNOWN), NEVER), "ready");
    });
  }
});

Deno.test("a CONNECT without an answer leaves in doubt whose session there is", async () => {
  const silent: Manners = { connack: () => Buffer.of(), isBrief: true };
  await withSession(OLD, { qos: 2 }, async (session, broker) => {
    assert.equal(await session.connect(undefined, NEVER), "ready");
    broker.manners = silent;
    await assert.rejects(session.connect(from(KNOWN), NEVER), { kind: "unavailable" });
    broker.manners = { ...OLD, isSlow: true };
    const connecting = session.connect(from(KNOWN), NEVER);
    const pinging = await broker.client(broker.clients.length + 1);
    await pinging.hears(PINGREQ);
    pinging.cut();
    await assert.rejects(connecting, { kind: "unavailable" });
    broker.manners = OLD;
    assert.equal(await session.connect(from(KNOWN), NEVER), "lost");
  });
  await withSession({}, { qos: 2 }, async (session, broker) => {
    assert.equal(await session.connect(undefined, NEVER), "ready");
    broker.manners = { connack: () => accepted(5, false).subarray(0, 3), isBrief: true };
    await assert.rejects(session.connect(from(KNOWN), NEVER), { kind: "unavailable" });
    broker.manners = {};
    assert.equal(await session.connect(from(KNOWN), NEVER), "lost", "a part of an answer is none");
  });
  await withSession(OLD, { qos: 2 }, async (session, broker) => {
    assert.equal(await session.connect(undefined, NEVER), "ready");
    broker.manners = { connack: () => mqttPacket(2, 0, 0, 3) };
    await assert.rejects(session.connect(from(KNOWN), NEVER), { kind: "unavailable" });
    broker.manners = OLD;
    assert.equal(await session.connect(from(KNOWN), NEVER), "ready", "a refusal is an answer");
  });
});

Deno.test("a broker that closes MQTT 5 without a word, and takes 3.1.1, leaves no doubt the next time", () =>
  withSession({ hangsUpOn: 5 }, { qos: 1 }, async (session, broker, log) => {
    const position = { ...from(new PacketIds()), qos: 1 } as const;
    const subscribes = async () => {
      assert.equal(await session.connect(position, NEVER), "ready");
      return broker.clients.at(-1)!.ofType(SUBSCRIBE).length;
    };
    session.trust();
    assert.deepEqual([await subscribes(), log.length], [1, 1], "it may be another broker that dies");
    assert.deepEqual([await subscribes(), await subscribes(), log.length], [0, 0, 1]);
    broker.manners = { connack: () => Buffer.of(), isBrief: true };
    await assert.rejects(session.connect(position, NEVER), { kind: "unavailable" });
    broker.manners = { hangsUpOn: 5 };
    assert.deepEqual([await subscribes(), log.length], [1, 2], "MQTT 3.1.1 had no answer either");
    broker.manners = {};
    await subscribes();
    broker.manners = { hangsUpOn: 5 };
    await assert.rejects(session.connect(position, NEVER), { kind: "unavailable" });
    assert.deepEqual([await subscribes(), log.length], [1, 3], "a broker that had MQTT 5 is another one");
  }));

Deno.test("an old broker that has lost a session forgets the one that it has just made", () => {
  const manners: Manners = {
    connack: ({ body }) => body[6] === 5 ? mqttPacket(2, 0, 0, 1) : accepted(4, false),
  };
  return withSession(manners, {}, async (session, broker) => {
    assert.equal(await session.connect({ ...from(new PacketIds()), step: 3 }, NEVER), "lost");
    const [, found, cleaner] = broker.clients;
    for (const client of [found!, cleaner!]) await client.hears(DISCONNECT);
    const flags = [found!, cleaner!].map((client) => client.ofType(CONNECT)[0]!.body[7]!);
    // A clean session has no will: nothing is said of its end.
    assert.deepEqual(flags.map((byte) => [byte & 2, byte & 4]), [[0, 4], [2, 0]]);
    assert.deepEqual(broker.clients.flatMap((client) => client.ofType(SUBSCRIBE)), []);
    assert.equal(session.isAt(3), false);
    assert.equal(broker.clients.length, 3);
  });
});

Deno.test("a lost session is told of, though an old broker does not let the one that it has just made go", () => {
  const manners: Manners = {
    connack: ({ body }) =>
      body[6] === 5
        ? mqttPacket(2, 0, 0, 1)
        : (body[7]! & 2) !== 0
        ? mqttPacket(2, 0, 0, 3)
        : accepted(4, false),
  };
  return withSession(manners, {}, async (session, broker) => {
    session.trust();
    assert.equal(await session.connect(from(new PacketIds()), NEVER), "lost");
    broker.manners = OLD;
    await session.connect({ ...from(new PacketIds()), ids: undefined }, NEVER);
    assert.equal(broker.clients.at(-1)!.ofType(SUBSCRIBE).length, 1, "the next one is subscribed");
  });
});

Deno.test("what is retained and was sent again is passed over on later connections too, until a session is new", () =>
  withSession(OLD, { qos: 1 }, async (session, broker) => {
    const retained = mqttPacket(PUBLISH, 1 << 1 | RETAINED, "plant/a", uint16(1), eventText(0));
    const position = { ...from(new PacketIds()), qos: 1 } as const;
    for (
      const [next, count] of [[position, 0], [position, 0], [{ ...position, ids: undefined }, 1]] as const
    ) {
      assert.equal(await session.connect(next, NEVER), "ready");
      broker.clients.at(-1)!.send(retained);
      await session.ping(NEVER);
      assert.equal(session.inFlight.look(9, 1e6).messages.length, count);
    }
  }));

Deno.test("a broker is not read while more than 32 MiB wait to be taken in", async () => {
  let socket: Socket | undefined;
  await using broker = await FakeBroker.start();
  const options = mqttOptions(broker.port, "plant-1");
  const connect = async (...how: Parameters<typeof connectSocket>) => socket = await connectSocket(...how);
  const session = new MqttSession({ ...options, access: { ...options.access, connect } }, warnings().logger);
  await session.connect(undefined, NEVER);
  const most = 32 * 1024 * 1024;
  const isPausedAt = (bytes: number) => {
    session.inFlight.bytes = bytes;
    session.settle(0);
    return socket!.isPaused();
  };
  assert.deepEqual([isPausedAt(most), isPausedAt(most + 1), isPausedAt(most)], [false, true, false]);
  assert.equal(isPausedAt(most + 1), true);
  session.inFlight.bytes = 0;
  await session.committed(0);
  assert.equal(socket!.isPaused(), false);
  await session.close();
});

Deno.test("what is known already wakes nobody who waits for more", () =>
  withSession({}, { qos: 2 }, async (session, broker) => {
    await session.connect(undefined, NEVER);
    const client = await broker.client(1);
    const first = session.arrival();
    client.send(pubrel(1));
    await first;
    session.settle(1);
    let isWoken = false;
    void session.arrival().then(() => isWoken = true);
    client.send(pubrel(1));
    await session.ping(NEVER);
    assert.deepEqual([isWoken, session.inFlight.count], [false, 0]);
    client.send(pubrel(2));
    await session.ping(NEVER);
    assert.deepEqual([isWoken, session.inFlight.count], [true, 1]);
  }));

Deno.test("what is empty, retained before the start or of a handler's own status is no event", () => {
  const sent = [
    publish(1, 1, eventText(0), RETAINED),
    publish(2, 1, ""),
    publish(3, 1, eventText(1), 0, "vabus/status/other"),
    publish(4, 1, eventText(2), 0, "own/status"),
    publish(5, 1, eventText(3), 0, "vabus/states/other"),
  ];
  const options = { statusTopic: "own/status", filters: ["#"] };
  const manners = { afterSubscribe: () => Buffer.concat(sent) };
  return withReading(manners, { ...options, startsAtEnd: true }, async ({ broker, reading }) => {
    assert.deepEqual(await reading.readAll(), ["e3"]);
    const [subscribed] = (await broker.client(1)).ofType(SUBSCRIBE);
    assert.equal(subscribed!.body.at(-1)! >> 4, 2, "retained messages are not asked for");
    const all = await Reading.open(createMqttSource(broker.port, "plant-2", options));
    assert.deepEqual(await all.readAll(), ["e0", "e3"]);
    assert.equal((await broker.client(2)).ofType(SUBSCRIBE)[0]!.body.at(-1)! >> 4, 1);
    await all.source.close();
  });
});

Deno.test("QoS 0 is warned of once, and QoS 1 is not", async () => {
  const manners = {
    afterSubscribe: () => Buffer.concat([0, 1].map((number) => publish(0, 0, eventText(number)))),
  };
  await withReading(manners, {}, async ({ log, reading }) => {
    assert.deepEqual(await reading.readAll(), events(0, 2));
    assert.equal(log.length, 1);
    assert.match(log[0]!, /messages come with QoS 0.*topic=/);
  });
  const sparkplug = {} as unknown as MqttOptions["sparkplug"];
  await using broker = await FakeBroker.start(manners);
  const { log, logger } = warnings();
  const session = new MqttSession(mqttOptions(broker.port, "plant-1", { sparkplug }), logger);
  await session.connect(undefined, NEVER);
  await session.ping(NEVER);
  assert.deepEqual([session.inFlight.count, log], [2, []], "Sparkplug has QoS 0");
  await session.close();
  await withReading({ afterSubscribe: () => publish(1, 1, eventText(0)) }, {}, async ({ log, reading }) => {
    await reading.readAll();
    assert.deepEqual(log, []);
  });
});

Deno.test("a broker that has lost a session is left, and the next begins another one", () =>
  withReading({}, {}, async ({ broker, log, reading }) => {
    await reading.read();
    await reading.partition.committed(reading.progress);
    broker.manners = { connack: ({ body }) => accepted(body[6]!, false) };
    (await broker.client(1)).cut();
    const outcome = await reading.read().catch(() => reading.read());
    assert.deepEqual([outcome.kind, "lost" in outcome && outcome.lost], ["gap", 1]);
    const second = await broker.client(2);
    const [left] = await second.hears(DISCONNECT);
    // The session that was just made ends with the connection.
    assert.deepEqual([...left!.body], [0, 5, 0x11, 0, 0, 0, 0]);
    assert.equal(second.ofType(SUBSCRIBE).length, 0);
    assert.match(log.join(), /no longer has the session/);
    await reading.partition.committed(reading.progress);
    await reading.read();
    assert.equal((await broker.client(3)).ofType(SUBSCRIBE).length, 1);
  }));

Deno.test("a visit has a name of its own, takes no member's messages, and leaves nothing", async () => {
  await using broker = await FakeBroker.start();
  const probed = async (options: Partial<MqttOptions>) => {
    const source = createMqttSource(broker.port, "plant-1", options);
    const said = await source.probe(NEVER);
    const client = broker.clients.at(-1)!;
    assert.equal((await client.hears(DISCONNECT)).length, 1);
    return { said, client, source };
  };
  const { client, said, source } = await probed({ filters: ["$share/g/plant/#"] });
  assert.equal(said, "MQTT 5, the filter is granted with QoS 1");
  const [connect] = client.ofType(CONNECT);
  assert.equal(clientIdIn(connect!), `${clientIdOf({ instance: "plant-1", name: source.id })}-check`);
  assert.equal(connect!.body[7]! & 2, 2, "a clean session");
  const subscribed = client.ofType(SUBSCRIBE)[0]!.body;
  assert.match(subscribed.toString("latin1"), /^[^$]*plant\/#/);
  assert.equal(subscribed.at(-1)! >> 4, 2);
  assert.deepEqual(publishedBy(client.heard), []);
  const several = await probed({ filters: ["a/#", "$share/g/a/#"], qos: 2 });
  assert.equal(several.said, "MQTT 5, the filter is granted with QoS 2");
  broker.manners = OLD;
  const apart = createMqttSource(broker.port, "plant-1", { filters: ["a/#", "$share/g/a/#"] });
  await assert.rejects(apart.probe(NEVER), /it would count twice; name filters that match no topic together/);
});
