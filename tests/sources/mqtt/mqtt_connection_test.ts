/** A connection to a broker of MQTT: its beginning, answers, the pulse and the end. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import type { Socket } from "node:net";
import { SourceError } from "../../../src/contract/source.ts";
import { shakeHands, WRONG_VERSION } from "../../../src/sources/mqtt/handshake.ts";
import { MqttConnection } from "../../../src/sources/mqtt/mqtt_connection.ts";
import { clientIdOf, statusTopicOf } from "../../../src/sources/mqtt/mqtt_options.ts";
import type { Packet } from "../../../src/sources/mqtt/packet_cutter.ts";
import { Subscriptions } from "../../../src/sources/mqtt/subscriptions.ts";
import { subscribe } from "../../../src/sources/mqtt/subscribing.ts";
import { mqttPacket, MqttPackets } from "../../support/mqtt_packets.ts";
import { loggerTo } from "../../support/logs.ts";

const [CONNECT, CONNACK, PUBLISH, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT] = [
  1,
  2,
  3,
  8,
  9,
  12,
  13,
  14,
] as const;
const PORT = 1883;
const NAME = `the broker at b:${PORT}`;
const NEVER = new AbortController().signal;
const GREETING = mqttPacket(CONNACK, 0, 0, 0);

/** A connection over no network, whose broker and clock are the test's. */
class Line {
  readonly sent: { readonly type: number; readonly flags: number; readonly body: Buffer }[] = [];
  readonly sleeps: number[] = [];
  /** Of those sleeps, how many have not ended. */
  asleep = 0;
  isPaused = false;
  /** Whether the broker closes the connection when the client does. */
  isPolite = true;
  /** Called for each packet that the client sends. */
  answer: (type: number, body: Buffer) => void = () => {};
  private woken: (() => void)[] = [];
  private readonly packets = new MqttPackets();
  private readonly socket = new Duplex({
    read() {},
    write: (chunk, _encoding, done) => {
      for (const packet of this.packets.take(chunk)) {
        this.sent.push(packet);
        this.answer(packet.type, packet.body);
      }
      done();
    },
    final: (done) => {
      if (this.isPolite) this.socket.destroy();
      done();
    },
  });

  static async open(level: 4 | 5 = 5): Promise<readonly [Line, MqttConnection]> {
    const line = new Line();
    const { socket } = line;
    socket.pause = () => {
      line.isPaused = true;
      return socket;
    };
    const resume = socket.resume.bind(socket);
    socket.resume = () => {
      line.isPaused = false;
      return resume();
    };
    const access = {
      host: "b",
      port: PORT,
      tls: undefined,
      connect: () => Promise.resolve(socket as unknown as Socket),
    };
    const sleep = (ms: number, signal?: AbortSignal) => {
      line.sleeps.push(ms);
      line.asleep++;
      return new Promise<void>((resolve) => {
        line.woken.push(resolve);
        signal?.addEventListener("abort", () => resolve());
      }).finally(() => line.asleep--);
    };
    return [line, await MqttConnection.open(access, level, { sleep }, NEVER)];
  }

  /** Sends to the client, and lets it take that. */
  async says(...packets: readonly Buffer[]): Promise<void> {
    const came = new Promise((resolve) => this.socket.once("data", resolve));
    this.socket.push(Buffer.concat(packets));
    await came;
  }

  /** Ends all sleeps, and lets who slept go on. */
  async wake(): Promise<void> {
    for (const resolve of this.woken.splice(0)) resolve();
    await this.turns();
  }

  /** Lets who can go on do so. */
  async turns(): Promise<void> {
    for (let turn = 0; turn < 9; turn++) await Promise.resolve();
  }

  get isDestroyed(): boolean {
    return this.socket.destroyed;
  }

  /** The broker closes the connection. */
  end(): void {
    this.socket.destroy();
  }

  /** The network fails. */
  break(): void {
    this.socket.emit("error", new Error("connection reset"));
  }

  get types(): number[] {
    return this.sent.map(({ type }) => type);
  }
}

function requestOf(connection: MqttConnection, answer: number, signal = NEVER) {
  return connection.request(mqttPacket(PINGREQ, 0), answer, signal);
}

Deno.test("an answer goes to the first request that waits for its kind, and the rest to whoever reads", async () => {
  const [line, connection] = await Line.open();
  const received: Packet[] = [];
  connection.received = (packet) => received.push(packet);
  assert.equal(connection.hasHeard, false);
  const greeted = requestOf(connection, CONNACK);
  const [first, second, third] = [PINGRESP, SUBACK, PINGRESP].map((type) => requestOf(connection, type));
  await line.says(
    GREETING,
    mqttPacket(PUBLISH, 1, "t"),
    mqttPacket(SUBACK, 0, 1),
    mqttPacket(PINGRESP, 0, 1),
    mqttPacket(PINGRESP, 0, 2),
    mqttPacket(PINGRESP, 0, 3),
  );
  assert.equal(connection.hasHeard, true);
  assert.deepEqual((await greeted).body, Buffer.of(0, 0));
  assert.deepEqual([(await first!).body[0], (await second!).body[0], (await third!).body[0]], [1, 1, 2]);
  assert.deepEqual(received.map(({ type, flags, body }) => [type, flags, body.at(-1)]), [[PUBLISH, 1, 0x74], [
    PINGRESP,
    0,
    3,
  ]]);
  assert.equal(connection.failure, undefined);
});

Deno.test("what breaks the protocol ends the connection once, with what it was", async () => {
  for (
    const [level, packets, kind, message] of [
      [5, [mqttPacket(SUBACK, 0)], "garbage", "sends a SUBACK before it has answered the CONNECT"],
      [4, [GREETING, mqttPacket(DISCONNECT, 0)], "garbage", "sends a DISCONNECT, which is ours"],
      [5, [GREETING, mqttPacket(DISCONNECT, 0, 0x89)], "unavailable", "ends the connection: server busy"],
      [
        5,
        [GREETING, mqttPacket(DISCONNECT, 0)],
        "unavailable",
        "ends the connection: reason 0: look at the broker's log",
      ],
      [
        5,
        [GREETING, mqttPacket(DISCONNECT, 0, 0x8a), mqttPacket(PUBLISH, 0)],
        "refused",
        "ends the connection: banned: look at the broker's settings",
      ],
      [5, [Buffer.from("20ffffffff", "hex")], "garbage", "sends a packet whose length does not end"],
    ] as const
  ) {
    const [line, connection] = await Line.open(level);
    let ended = 0;
    connection.ended = () => ended++;
    let received = 0;
    connection.received = () => received++;
    void requestOf(connection, CONNACK).catch(() => {});
    const waits = requestOf(connection, PINGRESP);
    const fails = assert.rejects(waits, { kind, message: `${NAME} ${message}` });
    await line.says(...packets);
    await fails;
    assert.equal(connection.failure?.message, `${NAME} ${message}`);
    assert.equal(line.isDestroyed, true);
    connection.fail(new SourceError("unavailable", "later"));
    assert.deepEqual([ended, received], [1, 0], "nothing is read behind a fault");
    await assert.rejects(requestOf(connection, PINGRESP), { message: `${NAME} ${message}` });
    const { length } = line.sent;
    connection.send(mqttPacket(PUBLISH, 0));
    assert.equal(line.sent.length, length);
  }
});

Deno.test("an answer is waited for, but not for ever, nor when reading is called off", async () => {
  const [line, connection] = await Line.open();
  const answer = requestOf(connection, CONNACK);
  assert.deepEqual(line.sleeps, [20_000]);
  // As long as nothing is taken from the network, none can be seen.
  connection.isPaused = true;
  assert.equal(line.isPaused, true);
  await line.wake();
  assert.deepEqual([line.sleeps.length, connection.failure], [2, undefined]);
  connection.isPaused = false;
  assert.equal(line.isPaused, false);
  const fails = assert.rejects(answer, {
    kind: "unavailable",
    message: `${NAME} has not answered for 20 seconds`,
  });
  await line.wake();
  await fails;
  for (const isBefore of [true, false]) {
    const [, other] = await Line.open();
    const over = new AbortController();
    if (isBefore) over.abort();
    const waits = requestOf(other, CONNACK, over.signal);
    over.abort();
    await assert.rejects(waits, { kind: "unavailable", message: `waiting for ${NAME} was called off` });
  }
});

Deno.test("a network that fails ends the connection, and says how", async () => {
  const [line, connection] = await Line.open();
  const fails = assert.rejects(requestOf(connection, CONNACK), {
    kind: "unavailable",
    message: /connection reset/,
  });
  line.break();
  await fails;
  assert.equal(line.isDestroyed, true);
});

Deno.test("a request that was answered is given up by nobody", async () => {
  const [line, connection] = await Line.open();
  const over = new AbortController();
  const answer = requestOf(connection, CONNACK, over.signal);
  await line.says(GREETING);
  await answer;
  over.abort();
  await line.wake();
  assert.deepEqual([connection.failure, line.sleeps], [undefined, [20_000]]);
});

Deno.test("the broker is pinged twice in the time that was agreed on, or never", async () => {
  const [line, connection] = await Line.open();
  await connection.keepAlive(0);
  assert.deepEqual(line.sleeps, []);
  void connection.keepAlive(30_000);
  assert.deepEqual([line.sleeps, line.types], [[15_000], []]);
  await line.wake();
  assert.deepEqual([line.sleeps, line.types], [[15_000, 20_000, 15_000], [PINGREQ]]);
  await line.says(GREETING, mqttPacket(PINGRESP, 0));
  await line.wake();
  assert.deepEqual([line.types, connection.failure], [[PINGREQ, PINGREQ], undefined]);
  const { length } = line.sleeps;
  await line.wake();
  assert.equal(connection.failure?.message, `${NAME} has not answered for 20 seconds`);
  assert.ok(line.sleeps.length <= length + 1);
  await line.turns();
  assert.equal(line.asleep, 0, "nobody pings what has ended");
});

Deno.test("a connection is closed with the words of the protocol, and the broker has a second", async () => {
  const [line, connection] = await Line.open();
  await connection.close();
  assert.deepEqual(line.sent, [{ type: DISCONNECT, flags: 0, body: Buffer.of() }], "a session stays");
  assert.match(connection.failure!.message, /closed/);
  await connection.close();
  assert.equal(line.sent.length, 1);
  const [other, slow] = await Line.open();
  const closing = slow.close(mqttPacket(PUBLISH, 0, "t"));
  assert.deepEqual(other.sleeps, [1000]);
  await closing;
  assert.deepEqual(other.types, [PUBLISH]);
  await other.turns();
  assert.equal(other.asleep, 0);
});

Deno.test("a broker that keeps a connection open is left after its second, also where it was not read", async () => {
  const [line, connection] = await Line.open();
  line.isPolite = false;
  connection.isPaused = true;
  let ended = 0;
  connection.ended = () => ended++;
  const closing = connection.close();
  assert.deepEqual([line.sleeps, line.isPaused, line.isDestroyed], [[1000], false, false]);
  await line.wake();
  await closing;
  assert.deepEqual([line.isDestroyed, connection.failure?.message], [
    true,
    `the connection to ${NAME} was closed`,
  ]);
  assert.equal(ended, 0, "who closes it need not be told");
});

Deno.test("what comes behind a fault is not looked at, and a connection that ends says why once", async () => {
  const [line, connection] = await Line.open();
  let [ended, taken] = [0, 0];
  connection.ended = () => ended++;
  connection.received = () => taken++;
  const greeted = requestOf(connection, CONNACK);
  await line.says(GREETING, mqttPacket(PUBLISH, 0, "t"));
  await greeted;
  connection.fail(new SourceError("refused", "enough"));
  line.end();
  await line.wake();
  assert.deepEqual([ended, taken, connection.failure?.message], [1, 1, "enough"]);
  const [other, away] = await Line.open();
  const waits = assert.rejects(requestOf(away, CONNACK), {
    kind: "unavailable",
    message: `${NAME} has closed the connection; where it does so again and again, another handler may ` +
      "have the same INSTANCE_ID",
  });
  other.end();
  await waits;
  assert.equal(away.hasHeard, false);
});

const WHO = {
  clientId: "me",
  isClean: false,
  sessionExpiry: 100,
  receiveMaximum: 10,
  topicAliasMaximum: 10,
  keepAlive: 30,
  username: undefined,
  password: undefined,
  will: undefined,
};

/** What becomes of an answer to the CONNECT, and what is logged. */
async function greeted(level: 4 | 5, qos: 1 | 2, ...answer: readonly number[]) {
  const [line, connection] = await Line.open(level);
  const lines: string[] = [];
  const logger = loggerTo(lines, "warn");
  line.answer = (type) => {
    if (type === CONNECT) void line.says(mqttPacket(CONNACK, 0, ...answer));
  };
  try {
    return { said: await shakeHands(connection, { ...WHO, level }, qos, logger, NEVER), lines, connection };
  } catch (error) {
    return { said: (error as Error).message.replace(`${NAME} `, ""), lines, connection };
  }
}

Deno.test("what a broker answers to the CONNECT is taken in, or refused for what it lacks", async () => {
  const accepted = (isSessionPresent: boolean, keepAlive = 30) => ({ isSessionPresent, keepAlive });
  for (
    const [level, qos, answer, said] of [
      [4, 1, [0, 0], accepted(false)],
      [4, 2, [1, 0], accepted(true)],
      [4, 2, [2, 0], accepted(false)],
      [5, 1, [1, 0], accepted(true)],
      [5, 2, [3, 0, 0], accepted(true)],
      [5, 2, [0, 0, 3, 0x13, 0, 7], accepted(false, 7)],
      [5, 2, [0, 0, 3, 0x13, 0, 0], accepted(false, 0)],
      [5, 1, [0, 0, 2, 0x24, 1], accepted(false)],
      [5, 2, [0, 0, 2, 0x24, 1], "has no QoS 2: QoS not supported: set qos=1 in the URL"],
      [5, 1, [0, 0, 2, 0x24, 0], "has no QoS 1: QoS not supported: set qos=1 in the URL"],
      [5, 1, [0, 0x84], WRONG_VERSION],
      [5, 1, [0, 1], WRONG_VERSION],
      [4, 1, [0, 1], "refuses the connection: unsupported protocol version: it has neither MQTT 5 nor 3.1.1"],
      [4, 1, [0, 3], "refuses the connection: server unavailable"],
      [5, 1, [0, 0x89, 0], "refuses the connection: server busy"],
      [5, 1, [0], "sends a packet that is shorter than its contents"],
    ] as const
  ) {
    const found = await greeted(level, qos, ...answer);
    assert.deepEqual(found.said, said, `${level} ${answer}`);
    assert.deepEqual(found.lines, []);
    assert.equal(found.connection.failure !== undefined, answer.length < 2);
  }
});

Deno.test("a broker that keeps sessions for a shorter time is told of", async () => {
  for (const [seconds, isTold] of [[99, true], [100, false], [101, false]] as const) {
    const { lines } = await greeted(5, 1, 0, 0, 5, 0x11, 0, 0, 0, seconds);
    assert.equal(lines.length, isTold ? 1 : 0, `${seconds}`);
    if (isTold) assert.match(lines[0]!, /keeps sessions for a shorter time.*seconds=99/);
  }
});

/** What is said of an answer to the SUBSCRIBE. */
async function subscribed(level: 4 | 5, qos: 1 | 2, ...answer: readonly number[]) {
  const [line, connection] = await Line.open(level);
  const greeting = requestOf(connection, CONNACK);
  await line.says(GREETING);
  await greeting;
  line.answer = (type) => {
    if (type === SUBSCRIBE) void line.says(mqttPacket(SUBACK, 0, ...answer));
  };
  const said = await subscribe(connection, new Subscriptions(["a", "b"]), qos, 0, NEVER).then(
    () => "granted",
    (error) => error.message,
  );
  return [said.replace(`${NAME} `, ""), connection.failure !== undefined];
}

Deno.test("what a broker grants is what is wanted, or why not is told", async () => {
  for (
    const [level, qos, answer, said, ends] of [
      [4, 1, [0, 1, 1, 1], "granted", false],
      [4, 1, [0, 1, 2, 1], "granted", false],
      [5, 2, [0, 1, 0, 2, 2], "granted", false],
      [
        4,
        1,
        [0, 1, 1, 0x80],
        "refuses the subscription to b: check the filter and the rights of the user",
        false,
      ],
      [5, 1, [0, 1, 0, 0x8f, 1], "refuses the subscription to a: topic filter invalid", false],
      [4, 2, [0, 1, 2, 1], "grants b with QoS 1 only, where qos=2 is wanted: set qos=1 in the URL", false],
      [
        4,
        1,
        [0, 1, 0, 1],
        "grants a with QoS 0 only, where qos=1 is wanted: messages would be lost; allow the user QoS 1",
        false,
      ],
      [4, 1, [0, 2, 1, 1], "answers a SUBSCRIBE that was not sent", true],
      [4, 1, [0, 1, 1], "answers a SUBSCRIBE with another number of filters", true],
      [4, 1, [0, 1, 1, 1, 1], "answers a SUBSCRIBE with another number of filters", true],
      [4, 1, [0], "sends a packet that is shorter than its contents", true],
    ] as const
  ) {
    assert.deepEqual(await subscribed(level, qos, ...answer), [said, ends], `${level} ${answer}`);
  }
});

Deno.test("the topic of the status and the name of the session are those of the instance", () => {
  assert.equal(statusTopicOf(undefined, "a/b"), "vabus/status/a%2Fb");
  assert.equal(statusTopicOf("own", "a"), "own");
  assert.equal(statusTopicOf("none", "a"), undefined);
  const ids = ["mqtt://a/t", "mqtt://b/t"].map((name) => clientIdOf({ instance: "a b", name }));
  assert.match(ids[0]!, /^vabus-a%20b-[0-9a-f]{8}$/);
  assert.notEqual(ids[0], ids[1]);
});
