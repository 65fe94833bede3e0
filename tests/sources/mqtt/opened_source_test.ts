/** A source around its session: Sparkplug's memory beside it, and what speaks on the port instead of MQTT. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { compileMapping } from "../../../src/codec/mapping/event_mapping.ts";
import { encoded, type TestMetric } from "../../codec/sparkplug/messages.ts";
import { Reading } from "../../contract/source_reading.ts";
import { temporaryDirectory, until } from "../../support/executable.ts";
import { freePort } from "../../support/free_port.ts";
import { mqttPacket } from "../../support/mqtt_packets.ts";
import { errorOf } from "../file/written_files.ts";
import { FakeBroker } from "./fake_broker.ts";
import { createMqttSource } from "./rig.ts";

const NEVER = new AbortController().signal;
const PUBLISH = 3;
const MAPPING = compileMapping({ format: "sparkplug", name: "{path}" });
assert.ok("ok" in MAPPING && MAPPING.ok !== undefined);
const { ok: mapping } = MAPPING;

/** A message of the node n, with QoS 0. */
function message(type: string, seq: number, metric: Partial<TestMetric>): Buffer {
  const payload = encoded({ seq, metrics: [{ alias: 1, type: "Int32", value: seq, ...metric }] });
  return mqttPacket(PUBLISH, 0, `spBv1.0/g/${type}/n`, 0, Buffer.from(payload));
}

Deno.test("Sparkplug: a connection that was lost puts names on trial, and nodes are asked over the next", async () => {
  await using directory = await temporaryDirectory();
  await using broker = await FakeBroker.start({
    afterSubscribe: () => Buffer.concat([message("NBIRTH", 0, { name: "a" }), message("NDATA", 1, {})]),
  });
  const sparkplug = { mapping, path: `${directory.path}/births.sqlite` };
  const open = () => Reading.open(createMqttSource(broker.port, "plant-1", { filters: ["#"], sparkplug }));
  const reading = await open();
  const names = (await reading.readAll()).map((name) => `${name}`.split("\0")[0]);
  assert.deepEqual(names, ["g/n/a", "g/n/a"]);
  const commands = (client: { ofType: FakeBroker["clients"][number]["ofType"] }) =>
    client.ofType(PUBLISH).filter(({ body }) => body.includes("NCMD")).map(({ flags }) => flags);
  assert.deepEqual(commands(broker.clients[0]!), []);
  broker.manners = { afterSubscribe: () => message("NDATA", 3, {}) };
  broker.clients[0]!.cut();
  const isRead = async () => (await reading.read({ waitMs: 100 })).kind === "events";
  await until(isRead, "a message over the next connection");
  const { count, invalid } = reading.batch;
  assert.match(invalid.map(({ detail }) => detail).join(), /^the metric a may be another one by now/);
  assert.equal(count, 0);
  const client = await broker.client(2);
  // The status of the handler is retained, and a command must not be.
  await client.hears(PUBLISH, 2);
  assert.deepEqual(commands(client), [0]);
  await reading.source.close();
  // Its file is another one's now.
  broker.manners = {};
  const again = await open();
  assert.deepEqual(await again.readAll(), []);
  await again.source.close();
});

Deno.test("what speaks on the port instead of MQTT is told, and what refuses by itself is believed", async () => {
  const web = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => new Response("no"));
  const probe = async (port: number) => {
    const { kind, message } = await errorOf(createMqttSource(port, "plant-1").probe(NEVER));
    return `${kind} ${message}`;
  };
  try {
    const { port } = web.addr;
    assert.equal(
      await probe(port),
      `refused 127.0.0.1:${port} speaks HTTP, not MQTT: does VABUS_URL name the broker's port?`,
    );
  } finally {
    await web.shutdown();
  }
  assert.match(await probe(freePort()), /^unavailable the broker at .* cannot be reached/);
  await using broker = await FakeBroker.start({ connack: () => mqttPacket(2, 0, 0, 0x86, 0) });
  assert.match(await probe(broker.port), /^refused the broker at .* refuses the connection: bad user name/);
  assert.equal(broker.clients.length, 1, "it was not asked for anything else");
});
