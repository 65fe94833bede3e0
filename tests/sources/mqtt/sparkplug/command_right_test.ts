/** Whether `check` finds out that nodes cannot be asked for their births. */
import assert from "node:assert/strict";
import { compileMapping } from "../../../../src/codec/mapping/event_mapping.ts";
import { temporaryDirectory, until } from "../../../support/executable.ts";
import { MosquittoServer } from "../../../support/mosquitto_server.ts";
import { MqttSubscriber } from "../../../support/mqtt_subscriber.ts";
import { OldBroker } from "../old_broker.ts";
import { createMqttSource } from "../rig.ts";

const NEVER = new AbortController().signal;
const MAPPING = compileMapping({ format: "sparkplug" });
assert.ok("ok" in MAPPING && MAPPING.ok !== undefined);
const SPARKPLUG = { mapping: MAPPING.ok, path: "/nowhere/births.sqlite" };

/** What `check` says of a broker with these rights. */
async function probe(port: number, ...filters: readonly string[]): Promise<string> {
  return await createMqttSource(port, "rights", { filters, sparkplug: SPARKPLUG }).probe(NEVER);
}

async function brokerWith(stack: AsyncDisposableStack, rights: readonly string[]): Promise<MosquittoServer> {
  const directory = stack.use(await temporaryDirectory());
  const file = `${directory.path}/rights`;
  await Deno.writeTextFile(file, `${rights.join("\n")}\n`, { mode: 0o600 });
  const broker = await MosquittoServer.start(["allow_anonymous true", `acl_file ${file}`]);
  stack.defer(() => broker.remove());
  return broker;
}

Deno.test("Sparkplug: check tries the right to ask for births, by a command to nobody that says nothing", async () => {
  await using stack = new AsyncDisposableStack();
  const broker = await brokerWith(stack, ["topic read #", "topic write spBv1.0/+/NCMD/+"]);
  const seen: string[] = [];
  const watch = () =>
    MqttSubscriber.connect(broker.port, "#", (topic, { length }) => void seen.push(`${topic} ${length}`));
  stack.use(await watch());
  const filters = ["spBv1.0/plant/#", "$share/line/spBv1.0/plant/+/n1", "spBv1.0/+/NDATA/#"];
  assert.match(await probe(broker.port, ...filters), /3 filters are granted.*; nodes may be asked/);
  await until(() => seen.length === 2, "the commands to come");
  const commands = ["spBv1.0/plant/NCMD/vabus-check 0", "spBv1.0/vabus-check/NCMD/vabus-check 0"];
  assert.deepEqual(seen, commands);
  // Nothing is retained: a later subscriber sees what is new only.
  stack.use(await watch());
  await probe(broker.port, "spBv1.0/plant/#");
  await until(() => seen.length === 4, "the command to come");
  assert.deepEqual(seen, [...commands, commands[0], commands[0]]);
});

Deno.test("Sparkplug: check names the right to publish that is missing", async () => {
  await using stack = new AsyncDisposableStack();
  const broker = await brokerWith(stack, ["topic read #"]);
  await assert.rejects(
    probe(broker.port, "spBv1.0/plant/#"),
    /refuses a message on spBv1.0\/plant\/NCMD\/vabus-check, .*grant the user the right to publish on spBv1/,
  );
});

Deno.test("Sparkplug: where MQTT 3.1.1 does not tell, check says so", async () => {
  await using stack = new AsyncDisposableStack();
  const broker = await brokerWith(stack, ["topic read #"]);
  const old = stack.use(await OldBroker.start(broker.port));
  assert.match(await probe(old.port, "spBv1.0/plant/#"), /MQTT 3\.1\.1 does not tell whether nodes may be/);
});
