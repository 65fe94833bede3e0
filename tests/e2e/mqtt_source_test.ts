/** Topics of an MQTT broker as the bus, with the built program and a real Mosquitto. */
import assert from "node:assert/strict";
import { runCheck, runToEnd, temporaryDirectory } from "../support/executable.ts";
import { MosquittoServer } from "../support/mosquitto_server.ts";
import { MqttPublisher } from "../support/mqtt_publisher.ts";
import { testSeed } from "../support/seed.ts";
import { mqttThroughKills } from "./mqtt_crash.ts";
import { handlerEnvironment, sqlitePath, sqliteSink } from "./plant.ts";

const SEED = testSeed(136);

for (const qos of [1, 2] as const) {
  const what = qos === 1 ? "the broker has sent it" : "the broker has begun an exchange for it";
  Deno.test(`QoS ${qos}, kill -9 of handler and broker: no event lost, none counted oftener than ${what}`, async () => {
    await mqttThroughKills({ seed: SEED + qos, qos, events: 4000, kills: 2 });
  });
}

Deno.test("a dead letter keeps the topic of its record, for the mapping of later; a retained message counts once", async () => {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const broker = await MosquittoServer.start();
  stack.defer(() => broker.remove());
  const publisher = stack.use(await MqttPublisher.connect(broker.port));
  await publisher.publish([
    { topic: "plant/oven/temperature", payload: '{"temp":21}', retain: true },
    { topic: "plant/oven/pressure", payload: '{"bar":3}', retain: true },
  ]);
  const environment = (value: string) =>
    handlerEnvironment(broker.url("plant/oven/temperature;plant/+/pressure"), directory.path, {
      STORAGE_TYPE: "sqlite",
      EVENT_NAME: "{topic[1]}.{topic[2]}",
      EVENT_TIMESTAMP: "bus",
      EVENT_VALUE: value,
    });
  const check = await runCheck(environment("/temp"));
  assert.equal(check.code, 0, check.stdout + check.stderr);
  assert.match(check.stdout, /MQTT 5, 2 filters are granted with QoS 1/);
  for (const _ of ["first", "again"]) {
    const once = await runToEnd(["once"], environment("/temp"));
    assert.equal(once.code, 0, once.stderr);
  }
  const list = await runToEnd(["dead-letters", "list"], environment("/bar"));
  assert.match(list.stdout, /@ plant\/oven\/pressure\]/);
  await publisher.publish([{ topic: "plant/oven/pressure", payload: '{"bar":4}' }]);
  assert.equal((await runToEnd(["once"], environment("/bar"))).code, 0);
  const retry = await runToEnd(["dead-letters", "retry", "--reason", "invalid"], environment("/bar"));
  assert.equal(retry.code, 0, retry.stderr);
  assert.equal((await runToEnd(["once", "--flush"], environment("/bar"))).code, 0);
  // The messages arrive in one window or in two.
  const sums = new Map<string, number[]>();
  for (const { count, name, value } of await sqliteSink(sqlitePath(directory.path)).rows()) {
    const [values = 0, counts = 0] = sums.get(name) ?? [];
    sums.set(name, [values + value, counts + count]);
  }
  assert.deepEqual(Object.fromEntries(sums), { "oven.pressure": [7, 2], "oven.temperature": [21, 1] });
  const verify = await runToEnd(["verify"], environment("/bar"));
  assert.match(verify.stdout, /PROVEN/);
});

Deno.test("a message that several filters match counts once, retained or not", async () => {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const broker = await MosquittoServer.start();
  stack.defer(() => broker.remove());
  const publisher = stack.use(await MqttPublisher.connect(broker.port));
  const message = (value: number, retain = false) => ({
    topic: "plant/press",
    payload: JSON.stringify({ name: "a", value, timestamp: 1 }),
    retain,
  });
  const url = broker.url("plant/#;plant/+;plant/press");
  const environment = handlerEnvironment(url, directory.path, { STORAGE_TYPE: "sqlite" });
  await publisher.publish([message(1, true)]);
  assert.equal((await runToEnd(["once"], environment)).code, 0);
  await publisher.publish([message(10), message(100)]);
  const once = await runToEnd(["once", "--flush"], environment);
  assert.equal(once.code, 0, once.stderr);
  const rows = await sqliteSink(sqlitePath(directory.path)).rows();
  assert.deepEqual(rows.map(({ count, value }) => [count, value]), [[3, 111]]);
});
