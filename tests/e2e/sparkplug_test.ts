/** Sparkplug B with the built program and a real Mosquitto. */
import assert from "node:assert/strict";
import { ENCODER } from "../codec/sparkplug/messages.ts";
import {
  type Environment,
  PATIENCE_MS,
  Program,
  runToEnd,
  temporaryDirectory,
  until,
} from "../support/executable.ts";
import { MosquittoServer } from "../support/mosquitto_server.ts";
import { MqttPublisher } from "../support/mqtt_publisher.ts";
import { MqttSubscriber } from "../support/mqtt_subscriber.ts";
import { EdgeNode, sumsOf } from "./edge_node.ts";
import { handlerEnvironment, sqlitePath } from "./plant.ts";

async function startPlant(stack: AsyncDisposableStack, qos: 0 | 2) {
  const directory = stack.use(await temporaryDirectory());
  const broker = await MosquittoServer.start();
  stack.defer(() => broker.remove());
  const node = new EdgeNode(stack.use(await MqttPublisher.connect(broker.port)), qos);
  const url = `${broker.url("spBv1.0/#")}?qos=2&format=sparkplug`;
  const settings = { STORAGE_TYPE: "sqlite", CHECKPOINT_INTERVAL: "0.05" };
  return { broker, directory, environment: handlerEnvironment(url, directory.path, settings), node };
}

/** Lets the node send its births whenever it is asked. Returns the commands, which grow. */
async function obey(
  stack: AsyncDisposableStack,
  broker: MosquittoServer,
  node: EdgeNode,
): Promise<readonly string[]> {
  const commands: string[] = [];
  stack.use(
    await MqttSubscriber.connect(broker.port, "spBv1.0/plant/NCMD/#", (topic, payload) => {
      const { metrics } = ENCODER.decodePayload(new Uint8Array(payload));
      commands.push(`${topic} ${metrics.map(({ name, value }) => `${name}=${value}`)}`);
      void node.beBorn(false);
    }),
  );
  return commands;
}

/** Events that are aggregated by the books of the last checkpoint. */
async function aggregated(environment: Environment): Promise<number> {
  const { stdout } = await runToEnd(["status", "--json"], environment);
  return JSON.parse(stdout).accounting.aggregated;
}

Deno.test("Sparkplug: births, deaths and data through kill -9, each event with its name, proven", async () => {
  await using stack = new AsyncDisposableStack();
  const { directory, environment, node } = await startPlant(stack, 2);
  const first = await runToEnd(["once"], environment);
  assert.equal(first.code, 0, first.stderr);
  await node.beBorn(true);
  for (let life = 0; life < 2; life++) {
    await using handler = Program.start(["run"], environment);
    const due = await aggregated(environment) + 100;
    await node.sendData(300);
    if (life === 1) await node.beBorn(false);
    await until(async () => await aggregated(environment) >= due, "events to be read", PATIENCE_MS, [
      handler,
    ]);
    await node.sendData(100);
    await handler.kill9();
    // While it is away, the node gets other aliases, or goes on with those that it has.
    if (life === 0) {
      await node.die();
      await node.beBorn(true);
    }
    await node.sendData(50);
  }
  const once = await runToEnd(["once", "--flush"], environment);
  assert.equal(once.code, 0, once.stderr);
  assert.deepEqual(await sumsOf(sqlitePath(directory.path)), node.expected);
  const verify = await runToEnd(["verify"], environment);
  assert.equal(verify.code, 0, verify.stdout + verify.stderr);
  assert.match(verify.stdout, /PROVEN: no event is lost/);
});

Deno.test("Sparkplug: a node whose birth was missed is asked for it, and what came before is a dead letter", async () => {
  await using stack = new AsyncDisposableStack();
  const { broker, directory, environment, node } = await startPlant(stack, 2);
  await node.beBorn(true);
  for (const name of Object.keys(node.expected)) delete node.expected[name];
  const commands = await obey(stack, broker, node);
  assert.equal((await runToEnd(["once"], environment)).code, 0);
  await using handler = Program.start(["run"], environment);
  await node.sendData(1, false);
  await until(() => commands.length > 0, "the command to be born", PATIENCE_MS, [handler]);
  await node.sendData(20);
  await handler.kill9();
  assert.deepEqual(commands, ["spBv1.0/plant/NCMD/n1 Node Control/Rebirth=true"]);
  const retry = await runToEnd(["dead-letters", "retry", "--reason", "invalid"], environment);
  assert.equal(retry.code, 0, retry.stderr);
  const once = await runToEnd(["once", "--flush"], environment);
  assert.equal(once.code, 0, once.stderr);
  assert.deepEqual(await sumsOf(sqlitePath(directory.path)), node.expected);
  const list = await runToEnd(["dead-letters", "list"], environment);
  assert.match(list.stdout, /the metric with the alias \d has no name: no birth certificate/);
  const verify = await runToEnd(["verify"], environment);
  assert.equal(verify.code, 0, verify.stdout + verify.stderr);
  assert.match(verify.stdout, /PROVEN/);
});

Deno.test("Sparkplug: what is missed while the handler is away is told as lost, and the node is born again", async () => {
  await using stack = new AsyncDisposableStack();
  const { broker, directory, environment, node } = await startPlant(stack, 0);
  await node.beBorn(true);
  for (const name of Object.keys(node.expected)) delete node.expected[name];
  const commands = await obey(stack, broker, node);
  const words: string[] = [];
  stack.use(
    await MqttSubscriber.connect(broker.port, "vabus/status/#", (_topic, payload) => {
      words.push(new TextDecoder().decode(payload));
    }),
  );
  for (let life = 1; life <= 2; life++) {
    await using handler = Program.start(["run"], environment);
    await until(() => words.at(-1) === "online", "the handler to be connected", PATIENCE_MS, [handler]);
    // Nothing is kept for a handler that is away: the first message shows that births may have been missed.
    await node.sendData(1, false);
    await until(() => commands.length === life, "the command to be born", PATIENCE_MS, [handler]);
    await node.sendData(20);
    const isRead = async () => await aggregated(environment) >= node.expectedCount();
    await until(isRead, "events to be read", PATIENCE_MS, [handler]);
    await handler.kill9();
    if (life === 2) break;
    await until(() => words.at(-1) === "offline", "the broker to miss the handler");
    await node.sendData(10, false);
  }
  const once = await runToEnd(["once", "--flush"], environment);
  assert.equal(once.code, 0, once.stderr);
  assert.deepEqual(await sumsOf(sqlitePath(directory.path)), node.expected);
  const verify = await runToEnd(["verify"], environment);
  assert.equal(verify.code, 0, verify.stdout + verify.stderr);
  assert.match(verify.stdout, /PROVEN, except 10 that were lost/);
});
