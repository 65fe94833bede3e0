import assert from "node:assert/strict";
import { PATIENCE_MS, Program, runToEnd, temporaryDirectory, until } from "../support/executable.ts";
import { randomNumbers } from "../support/event_stream.ts";
import { MosquittoServer } from "../support/mosquitto_server.ts";
import { MqttPublisher } from "../support/mqtt_publisher.ts";
import type { BusRun } from "./bus_crash.ts";
import { EdgeNode, sumsOf } from "./edge_node.ts";
import { handlerEnvironment, sqlitePath } from "./plant.ts";
import { assertProven } from "./proof.ts";

/**
 * A Sparkplug node sends data by alias alone, dies, and is born again with the same aliases or with others,
 * while the handler is killed again and again. Each value must count once, under its own name. Returns how
 * many values there are.
 */
export async function sparkplugThroughKills(
  { seed, events, kills, log = () => {} }: BusRun,
): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const broker = await MosquittoServer.start();
  stack.defer(() => broker.remove());
  const node = new EdgeNode(stack.use(await MqttPublisher.connect(broker.port)), 2);
  const url = `${broker.url("spBv1.0/#")}?qos=2&format=sparkplug`;
  const environment = handlerEnvironment(url, directory.path, {
    STORAGE_TYPE: "sqlite",
    CHECKPOINT_INTERVAL: "0.1",
  });
  const aggregated = async () =>
    JSON.parse((await runToEnd(["status", "--json"], environment)).stdout).accounting.aggregated as number;
  // A broker keeps messages from the subscription on.
  assert.equal((await runToEnd(["once"], environment)).code, 0);
  await node.beBorn(true);
  const random = randomNumbers(seed);
  const share = Math.ceil(events / kills);
  for (let life = 0; life < kills; life++) {
    await using handler = Program.start(["run"], environment);
    const due = await aggregated() + Math.floor(random() * share / 2);
    for (let sent = 0; sent < share;) {
      const count = Math.min(share - sent, 1 + Math.floor(random() * share / 4));
      await node.sendData(count);
      sent += count;
      const isDead = random() < 0.5;
      if (isDead) await node.die();
      await node.beBorn(isDead);
    }
    await until(async () => await aggregated() >= due, "values to be read", PATIENCE_MS, [handler]);
    log("the handler is killed");
    await handler.kill9();
  }
  const isRead = async () => (await runToEnd(["once", "--flush"], environment)).code === 0;
  await until(isRead, "all values to be read", PATIENCE_MS);
  assert.deepEqual(await sumsOf(sqlitePath(directory.path)), node.expected);
  await assertProven(environment);
  return node.expectedCount();
}
