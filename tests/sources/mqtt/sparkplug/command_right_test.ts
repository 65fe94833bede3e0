/** Whether `check` finds out that nodes cannot be asked for their births. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { compileMapping } from "../../../../src/codec/mapping/event_mapping.ts";
import type { MqttConnection } from "../../../../src/sources/mqtt/mqtt_connection.ts";
import { tryCommandRight } from "../../../../src/sources/mqtt/sparkplug/command_right.ts";
import { temporaryDirectory, until } from "../../../support/executable.ts";
import { MosquittoServer } from "../../../support/mosquitto_server.ts";
import { MqttSubscriber } from "../../../support/mqtt_subscriber.ts";
import { mqttPacket, uint16 } from "../../../support/mqtt_packets.ts";
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

Deno.test("Sparkplug: each group is tried once, and what a broker answers decides", async () => {
  const tried = async (answers: readonly (readonly number[])[], ...filters: readonly string[]) => {
    const asked: Buffer[] = [];
    const failures: string[] = [];
    const connection = {
      level: 5,
      name: "MQTT at b",
      request: (packet: Buffer, type: number) => {
        assert.equal(type, 4);
        asked.push(packet);
        return Promise.resolve({ body: Buffer.from(answers[asked.length - 1] ?? [0, 2]) });
      },
      fail: ({ message }: Error) => failures.push(message),
    } as unknown as MqttConnection;
    const said = await tryCommandRight(connection, filters, NEVER).catch(({ kind, message }) =>
      `${kind} ${message}`
    );
    return { asked, failures, said };
  };
  const commandTo = (group: string) => mqttPacket(3, 2, `spBv1.0/${group}/NCMD/vabus-check`, uint16(2), 0);
  const { asked, said } = await tried([], "spBv1.0/a/#", "spBv1.0/+/x", "spBv1.0/a/NDATA/n", "#", "x");
  assert.equal(said, "nodes may be asked for their births");
  assert.deepEqual(asked, ["a", "vabus-check"].map(commandTo));
  for (const code of [0x00, 0x10, 0x7f]) {
    assert.equal((await tried([[0, 2, code]], "spBv1.0/a/#")).said, said, `${code}`);
  }
  assert.match((await tried([[0, 2, 0x80]], "a/b")).said, /^refused .*dead letters: unspecified error/);
  const second = await tried([[0, 2], [0, 2, 0x87]], "a/b", "a/c", "a/d");
  assert.match(second.said, /^refused .*spBv1\.0\/c\/NCMD\/.*not authorized; grant the user the right/);
  assert.equal(second.asked.length, 2);
  const short = await tried([[0]], "a/b");
  assert.match(short.said, /^garbage .*shorter than its contents/);
  assert.equal(short.failures.length, 1, "the connection is of no more use");
});
