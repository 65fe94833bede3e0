/** Topics of a real broker, as a source. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { pbkdf2Sync } from "node:crypto";
import { LogHistory } from "../../../src/event/log_history.ts";
import type { TlsTexts } from "../../../src/platform/net/server_socket.ts";
import { Introduction } from "../../../src/sources/mqtt/introduction.ts";
import type { MqttOptions } from "../../../src/sources/mqtt/mqtt_options.ts";
import { events, Reading } from "../../contract/source_reading.ts";
import { Authority } from "../../support/certificates.ts";
import { temporaryDirectory } from "../../support/executable.ts";
import { freePort } from "../../support/free_port.ts";
import { MosquittoServer } from "../../support/mosquitto_server.ts";
import { MqttPublisher } from "../../support/mqtt_publisher.ts";
import { OldBroker } from "./old_broker.ts";
import { createMqttSource, eventText, mqttOptions } from "./rig.ts";

const NEVER = new AbortController().signal;

interface Rig {
  readonly broker: MosquittoServer;
  readonly publisher: MqttPublisher;
  /** A reading that goes on where another one was. The session is the same where the instance is. */
  open(options?: Partial<MqttOptions>, from?: Reading, port?: number): Promise<Reading>;
}

function brokerTest(name: string, test: (rig: Rig) => Promise<void>, lines?: readonly string[]): void {
  Deno.test(name, async () => {
    await using stack = new AsyncDisposableStack();
    const broker = await MosquittoServer.start(lines);
    stack.defer(() => broker.remove());
    const publisher = stack.use(await MqttPublisher.connect(broker.port));
    const open: Rig["open"] = async (options = {}, from, port = broker.port) => {
      const source = createMqttSource(port, options.instance ?? "test", options);
      stack.defer(() => source.close());
      const progress = from && { ...from.progress, history: new LogHistory() };
      const reading = await Reading.open(source, progress);
      await reading.partition.committed(reading.progress);
      return reading;
    };
    await test({ broker, publisher, open });
  });
}

/** Reads all, as if each read were on disk at once. */
async function readOnToDisk(reading: Reading): Promise<(string | number)[]> {
  const read = await reading.readAll();
  await reading.partition.committed(reading.progress);
  return read;
}

const message = (number: number, retain = false, topic = "plant/a") => ({
  topic,
  payload: eventText(number),
  retain,
});

for (const isOld of [false, true]) {
  const version = isOld ? "MQTT 3.1.1" : "MQTT 5";
  brokerTest(`${version}: retained messages count once, over connections and lives`, async (rig) => {
    await using old = await OldBroker.start(rig.broker.port);
    const port = isOld ? old.port : rig.broker.port;
    await rig.publisher.publish([message(0, true), message(1, true, "plant/b")]);
    const first = await rig.open({}, undefined, port);
    assert.deepEqual((await readOnToDisk(first)).sort(), events(0, 2));
    await first.source.close();
    await rig.publisher.publish([message(2), message(3, true)]);
    const second = await rig.open({}, first, port);
    assert.deepEqual(await readOnToDisk(second), events(2, 4));
    assert.match(
      await second.source.probe(NEVER),
      new RegExp(`^${version}, the filter is granted with QoS 1$`),
    );
    await second.source.close();
    const newest = await rig.open({ startsAtEnd: true, instance: "other" }, undefined, port);
    assert.deepEqual(await newest.readAll(), []);
    await rig.publisher.publish([message(4)]);
    assert.deepEqual(await newest.readAll(), events(4, 5));
  });

  brokerTest(
    `${version}: a session that the broker has lost is one lost event, said before the next one`,
    async (rig) => {
      await using old = await OldBroker.start(rig.broker.port, true);
      const port = isOld ? old.port : rig.broker.port;
      const first = await rig.open({ qos: 2 }, undefined, port);
      await first.read();
      await rig.publisher.publish([{ ...message(0), qos: 2 }]);
      assert.deepEqual(await readOnToDisk(first), events(0, 1));
      await first.source.close();
      await rig.broker.forget();
      // The loss is found out, and the process dies before that is on disk.
      const second = await rig.open({ qos: 2 }, first, port);
      assert.equal((await second.read()).kind, "gap");
      await second.source.close();
      const third = await rig.open({ qos: 2 }, first, port);
      const gap = await third.read();
      assert.ok(gap.kind === "gap" && gap.lost === 1);
      assert.match(gap.next, / new$/);
      const held = await third.look();
      assert.ok(held.kind === "idle" && held.awaitsCommit);
      assert.deepEqual(await readOnToDisk(third), []);
      await using publisher = await MqttPublisher.connect(rig.broker.port);
      await publisher.publish([{ ...message(1), qos: 2 }]);
      assert.deepEqual(await readOnToDisk(third), events(1, 2));
    },
  );
}

for (const isOld of [false, true]) {
  const version = isOld ? "MQTT 3.1.1" : "MQTT 5";
  brokerTest(
    `${version}: died while it connected, with a session that is another one: it is read on`,
    async (rig) => {
      await using old = await OldBroker.start(rig.broker.port);
      const port = isOld ? old.port : rig.broker.port;
      const first = await rig.open({}, undefined, port);
      await rig.publisher.publish([message(0, true)]);
      assert.deepEqual(await readOnToDisk(first), events(0, 1));
      await first.source.close();
      await rig.broker.forget();
      // What is left of a connection that was begun: an empty session.
      const options = mqttOptions(port, "test");
      const { connection } = await new Introduction().introduce(
        options,
        { suffix: "", isClean: false, will: "none" },
        () => () => {},
        undefined,
        NEVER,
      );
      await connection.close();
      await using publisher = await MqttPublisher.connect(rig.broker.port);
      await publisher.publish([message(1, true)]);
      first.progress = { ...first.progress, position: `${first.progress.position} connecting` };
      const second = await rig.open({}, first, port);
      // MQTT 5 tells what is new for a session. With MQTT 3.1.1 it may all be known.
      assert.deepEqual(await readOnToDisk(second), isOld ? [] : events(1, 2));
      await publisher.publish([message(2)]);
      assert.deepEqual(await readOnToDisk(second), events(2, 3));
      assert.match(second.progress.position!, /^q1 \d+$/);
    },
  );
}

brokerTest(
  "a shared subscription: its members have each message once together",
  async ({ open, publisher }) => {
    const filters = ["$share/line/plant/#"];
    const one = await open({ filters, instance: "one" });
    const two = await open({ filters, instance: "two" });
    await one.read();
    await two.read();
    assert.match(await one.source.probe(NEVER), /granted/);
    await publisher.publish(Array.from({ length: 10 }, (_, i) => message(i)));
    const both = [...await readOnToDisk(one), ...await readOnToDisk(two)];
    assert.deepEqual(both.sort(), events(0, 10));
  },
);

brokerTest(
  "a second handler of the name throws the first one out, which says so",
  async ({ open, publisher }) => {
    const one = await open();
    await one.read();
    const two = await open();
    await two.read();
    await assert.rejects(one.read(), /a second handler have this INSTANCE_ID|the same INSTANCE_ID/);
    await publisher.publish([message(0)]);
    assert.deepEqual(await two.readAll(), events(0, 1));
  },
);

brokerTest(
  "the handler says whether it is there, and what it says is no event",
  async ({ open, publisher }) => {
    const filters = ["#"];
    const watched = await open({ filters: ["vabus/#"], instance: "watcher", statusTopic: undefined });
    await watched.read();
    const reading = await open({ filters, instance: "a/b" });
    await reading.read();
    await publisher.publish([message(0)]);
    assert.deepEqual(await readOnToDisk(reading), events(0, 1));
    await reading.source.close();
    const plain = await open({
      filters: ["vabus/status/a%2Fb"],
      instance: "plain",
      statusTopic: "elsewhere",
    });
    // Retained, but passed over.
    assert.deepEqual(await plain.readAll(), []);
    assert.equal(plain.progress.position, "q1 1");
  },
);

brokerTest("QoS 2 of a publisher, QoS 1 of the subscription: at least once", async ({ open, publisher }) => {
  const reading = await open();
  await reading.read();
  await publisher.publish([{ ...message(0), qos: 2 }, { ...message(1), qos: 0 }, { ...message(2), qos: 1 }]);
  assert.deepEqual((await reading.readAll()).sort(), events(0, 3));
});

Deno.test("TLS with a client certificate, and a login: each fault is named", async () => {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const authority = await Authority.create(directory.path, "authority");
  const server = await authority.sign("broker", ["IP:127.0.0.1"]);
  const client = await authority.sign("handler", []);
  const passwords = `${directory.path}/passwords`;
  await Deno.writeTextFile(passwords, `vabus:${passwordHash("right")}\n`);
  const tlsPort = freePort();
  const broker = await MosquittoServer.start([
    "allow_anonymous false",
    `password_file ${passwords}`,
    `listener ${tlsPort} 127.0.0.1`,
    `cafile ${authority.caFile}`,
    `certfile ${server.certFile}`,
    `keyfile ${server.keyFile}`,
    "require_certificate true",
    "use_identity_as_username true",
  ]);
  stack.defer(() => broker.remove());
  const ca = await Deno.readTextFile(authority.caFile);
  const own = {
    cert: await Deno.readTextFile(client.certFile),
    key: await Deno.readTextFile(client.keyFile),
  };
  const probe = (port: number, options: Partial<MqttOptions>) =>
    createMqttSource(port, "probe", options).probe(NEVER);
  const over = (tls: TlsTexts) => ({ access: { host: "127.0.0.1", port: tlsPort, tls } });
  assert.match(await probe(tlsPort, over({ ca, ...own })), /granted/);
  await assert.rejects(probe(tlsPort, over({ ca: undefined, ...own })), /check VABUS_CA_FILE/);
  await assert.rejects(probe(tlsPort, over({ ca, cert: undefined, key: undefined })), /broker at 127.0.0.1/);
  await assert.rejects(probe(tlsPort, {}), /speaks TLS, not MQTT: give VABUS_URL as mqtts:/);
  assert.match(await probe(broker.port, { username: "vabus", password: "right" }), /granted/);
  const wrong = { username: "vabus", password: "wrong" };
  await assert.rejects(probe(broker.port, wrong), /refuses the connection: not authorized: check user and/);
  await assert.rejects(probe(broker.port, {}), /refuses the connection: not authorized/);
});

/** As Mosquitto keeps it: PBKDF2 with SHA-512. */
function passwordHash(password: string): string {
  const salt = Buffer.from("twelve bytes");
  const hash = pbkdf2Sync(password, salt, 101, 64, "sha512");
  return `$7$101$${salt.toString("base64")}$${hash.toString("base64")}`;
}
