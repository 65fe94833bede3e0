/** Deaths of the handler and of the broker while messages come: nothing may be lost. */
import assert from "node:assert/strict";
import {
  type Environment,
  PATIENCE_MS,
  Program,
  runToEnd,
  temporaryDirectory,
  until,
} from "../support/executable.ts";
import { eventStream, randomNumbers, recentBaseMs } from "../support/event_stream.ts";
import { MosquittoServer } from "../support/mosquitto_server.ts";
import { MqttExchanges, type Sendings } from "../support/mqtt_exchanges.ts";
import { MqttPublisher } from "../support/mqtt_publisher.ts";
import { MqttRecorder } from "../support/mqtt_recorder.ts";
import { Oracle } from "../support/oracle.ts";
import type { BusRun } from "./bus_crash.ts";
import { handlerEnvironment, INSTANCE, observed, sqlitePath, sqliteSink } from "./plant.ts";
import { serverTls } from "./server_tls.ts";

/** The handler is killed twice at least. The broker is restarted once, and killed once. */
export interface MqttRun extends BusRun {
  readonly qos: 1 | 2;
}

/** What has come again. */
export interface MqttRunResult extends Sendings {
  /** Events that were counted more than once, so often. */
  readonly doubled: number;
}

const WINDOW_MS = 60_000;

/**
 * Publishes events while the handler dies again and again. In its first life the broker is restarted, and in
 * its last one the broker writes down what it has and is killed a moment later: both while acknowledgements
 * and releases are under way.
 *
 * @throws when an event is lost, and when one counts oftener than the broker has sent it: with QoS 1 in any
 * way, with QoS 2 in an exchange of its own.
 */
export async function mqttThroughKills(run: MqttRun): Promise<MqttRunResult> {
  const { seed, qos, events, kills, log = () => {} } = run;
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const broker = await MosquittoServer.start();
  stack.defer(() => broker.remove());
  const exchanges = new MqttExchanges((payload) => nameOf(payload.toString()));
  const tls = run.hasTls ? await serverTls(directory.path) : undefined;
  const recorder = stack.use(await MqttRecorder.start(broker.port, exchanges, tls));
  const url = `${tls === undefined ? "mqtt" : "mqtts"}://127.0.0.1:${recorder.port}/plant/+?qos=${qos}`;
  const environment = handlerEnvironment(url, directory.path, {
    STORAGE_TYPE: "sqlite",
    CHECKPOINT_INTERVAL: "0.1",
    ...(tls !== undefined && { VABUS_CA_FILE: tls.caFile }),
  });
  // A broker keeps messages from the subscription on.
  await readAll(environment);
  const oracle = new Oracle(WINDOW_MS);
  const texts = [...observed(streamOf(seed, events), oracle)].map(numbered);
  const random = randomNumbers(seed);
  const share = Math.ceil(texts.length / kills);
  for (let life = 0; life < kills; life++) {
    const isLast = life === kills - 1;
    const part = texts.slice(life * share, (life + 1) * share);
    const isBrokers = life === 0 || isLast;
    // Mosquitto 2.0.11, once it was restarted, uses packet ids twice where more messages wait than there are.
    if (life > 0) await readAll(environment);
    // The broker must die while much is under way, and no message of a publisher.
    if (isBrokers) await publish(broker.port, part, qos);
    const sentBefore = exchanges.sent;
    await using handler = Program.start(["run"], environment);
    const arrived = async (share: number) => {
      const due = sentBefore + Math.ceil(share * part.length);
      await until(() => exchanges.sent >= due, "messages to arrive", PATIENCE_MS, [handler]);
    };
    if (isBrokers) {
      await arrived(random() / 2);
      const { connections } = exchanges;
      if (isLast) {
        await broker.save();
        await arrived(0.5 + random() / 2);
        await broker.kill();
      } else await broker.stop();
      log(`the broker ${isLast ? "has saved and is killed" : "is restarted"}`);
      await broker.startAgain();
      const isBack = () => exchanges.connections > connections;
      await until(isBack, "the handler to connect again", PATIENCE_MS, [handler]);
    } else {
      const publishing = publish(broker.port, part, qos);
      await arrived(random());
      await publishing;
    }
    log(`the handler is killed; the broker has sent ${exchanges.sent} messages`);
    await handler.kill9();
  }
  await readAll(environment, "--flush");
  assert.equal(exchanges.total.messages, texts.length, "the broker has sent each message");
  return await settled(run, exchanges, oracle, environment, directory.path);
}

/** Compares what was counted with what the broker has sent. @throws where they differ */
async function settled(
  { qos }: MqttRun,
  exchanges: MqttExchanges,
  oracle: Oracle,
  environment: Environment,
  directory: string,
): Promise<MqttRunResult> {
  const rows = await sqliteSink(sqlitePath(directory)).rows();
  const counts = new Map<string, number>();
  for (const { count, name } of rows) counts.set(name, (counts.get(name) ?? 0) + count);
  for (const [name, { again, messages, perhapsAgain, repeats }] of exchanges.byKey) {
    const count = counts.get(name) ?? 0;
    const least = qos === 2 ? messages + again : messages;
    const most = qos === 2 ? least + perhapsAgain : messages + repeats;
    assert.ok(count >= least && count <= most, `${name}: ${count} are counted, not ${least} to ${most}`);
  }
  const { total } = exchanges;
  if (qos === 2 && total.again + total.perhapsAgain === 0) oracle.assertRows(rows, "SQLite", INSTANCE);
  const verify = await runToEnd(["verify"], environment);
  assert.equal(verify.code, 0, verify.stdout + verify.stderr);
  assert.match(verify.stdout, /PROVEN: no event is lost/);
  const doubled = rows.reduce((sum, { count }) => sum + count, 0) - oracle.counts.aggregated;
  const doubtful = Number(
    /unknown whether (\d+) events? that a bus gave again/.exec(verify.stdout)?.[1] ?? 0,
  );
  assert.ok(qos === 2 || doubled <= doubtful, `${doubled} count twice: ${verify.stdout}`);
  return { ...total, doubled };
}

/** Reads what waits. */
async function readAll(environment: Environment, ...flags: readonly string[]): Promise<void> {
  const isRead = async () => (await runToEnd(["once", ...flags], environment)).code === 0;
  await until(isRead, "all messages to be read", PATIENCE_MS);
}

function nameOf(text: string): string {
  return JSON.parse(text).name;
}

/** Only events that are good, and no ids, which would keep them from counting twice. */
function streamOf(seed: number, eventCount: number) {
  return eventStream({
    seed,
    eventCount,
    nameCount: 50,
    baseMs: recentBaseMs(WINDOW_MS, 10),
    windowSizeMs: WINDOW_MS,
    windowCount: 10,
    invalidShare: 0,
    lateShare: 0,
    tooLateShare: 0,
    futureShare: 0,
    duplicateShare: 0,
  });
}

/** Another text of the same event, so that no two are equal. */
function numbered(text: string, number: number): string {
  return `${text.slice(0, -1)},"number":${number}}`;
}

async function publish(port: number, texts: readonly string[], qos: 1 | 2): Promise<void> {
  await using publisher = await MqttPublisher.connect(port);
  await publisher.publish(texts.map((payload) => ({ topic: "plant/line", payload, qos })));
}
