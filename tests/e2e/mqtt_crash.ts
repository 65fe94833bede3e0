/** Deaths of the handler and restarts of the broker while messages come: nothing may be lost. */
import assert from "node:assert/strict";
import { PATIENCE_MS, Program, runToEnd, temporaryDirectory, until } from "../support/executable.ts";
import { eventStream, randomNumbers, recentBaseMs } from "../support/event_stream.ts";
import { MosquittoServer } from "../support/mosquitto_server.ts";
import { MqttPublisher } from "../support/mqtt_publisher.ts";
import { MqttRecorder } from "../support/mqtt_recorder.ts";
import { Oracle } from "../support/oracle.ts";
import { handlerEnvironment, INSTANCE, observed, sqlitePath, sqliteSink } from "./plant.ts";

export interface MqttRun {
  readonly seed: number;
  readonly qos: 1 | 2;
  readonly events: number;
  /** How often the handler is killed; the broker is restarted twice. */
  readonly kills: number;
}

/** What has come again. */
export interface MqttRunResult {
  /** Messages that the broker has marked as sent before. */
  readonly repeats: number;
  /** Events that were counted more than once, so often. */
  readonly doubled: number;
}

const WINDOW_MS = 60_000;

/**
 * Publishes events while the handler dies again and again, and its broker restarts between two of its lives.
 *
 * @throws when an event is lost, when one counts twice with QoS 2, and when one counts oftener with QoS 1
 * than the broker has sent it.
 */
export async function mqttThroughKills({ seed, qos, events, kills }: MqttRun): Promise<MqttRunResult> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const broker = await MosquittoServer.start();
  stack.defer(() => broker.remove());
  const recorder = stack.use(await MqttRecorder.start(broker.port, (payload) => nameOf(payload.toString())));
  const environment = handlerEnvironment(
    `mqtt://127.0.0.1:${recorder.port}/plant/+?qos=${qos}`,
    directory.path,
    {
      STORAGE_TYPE: "sqlite",
      CHECKPOINT_INTERVAL: "0.1",
    },
  );
  // A broker keeps messages from the subscription on.
  const first = await runToEnd(["once"], environment);
  assert.equal(first.code, 0, first.stderr);
  const oracle = new Oracle(WINDOW_MS);
  const texts = [...observed(streamOf(seed, qos, events), oracle)];
  const random = randomNumbers(seed);
  const share = Math.ceil(texts.length / kills);
  for (let life = 0; life < kills; life++) {
    await using handler = Program.start(["run"], environment);
    const part = texts.slice(life * share, (life + 1) * share);
    const due = recorder.sent + Math.floor(random() * part.length);
    const publishing = publish(broker.port, part, qos);
    await until(() => recorder.sent >= due, "messages to reach the handler", PATIENCE_MS, [handler]);
    await handler.kill9();
    await publishing;
    if (life === 0 || life === kills - 1) {
      // Mosquitto 2.0.11 sends messages again after a restart that it had released before: see mqtt.md.
      if (qos === 2) await runToEnd(["once"], environment);
      await broker.stop();
      await broker.startAgain();
    }
  }
  await until(
    async () => (await runToEnd(["once", "--flush"], environment)).code === 0,
    "all messages to be read",
    PATIENCE_MS,
  );
  const inSqlite = sqliteSink(sqlitePath(directory.path));
  const counted = await inSqlite.sumOfCounts();
  const expected = oracle.counts.aggregated;
  if (qos === 2) oracle.assertRows(await inSqlite.rows(), "SQLite", INSTANCE);
  else {
    const byName = new Map<string, number>();
    for (const { count, name } of await inSqlite.rows()) byName.set(name, (byName.get(name) ?? 0) + count);
    for (const [name, published] of publishedByName(texts)) {
      const repeats = recorder.repeated.get(name) ?? 0;
      const count = byName.get(name) ?? 0;
      assert.ok(count >= published, `${name}: ${count} of ${published} events are counted`);
      assert.ok(
        count <= published + repeats,
        `${name}: ${count} are counted of ${published} events and ${repeats} repetitions`,
      );
    }
  }
  const verify = await runToEnd(["verify"], environment);
  assert.equal(verify.code, 0, verify.stdout + verify.stderr);
  assert.match(verify.stdout, /PROVEN: no event is lost/);
  return { repeats: recorder.repeats, doubled: counted - expected };
}

/** The name of an event; empty: it is no event. */
function nameOf(text: string): string {
  try {
    return JSON.parse(text).name;
  } catch {
    return "";
  }
}

/** With QoS 1 only events that are good, and no ids, which would keep them from counting twice. */
function streamOf(seed: number, qos: 1 | 2, eventCount: number) {
  const noShares = { invalidShare: 0, lateShare: 0, tooLateShare: 0, futureShare: 0, duplicateShare: 0 };
  return eventStream({
    seed,
    eventCount,
    nameCount: 50,
    baseMs: recentBaseMs(WINDOW_MS, 10),
    windowSizeMs: WINDOW_MS,
    windowCount: 10,
    ...(qos === 1 && noShares),
  });
}

function publishedByName(texts: readonly string[]): Map<string, number> {
  const published = new Map<string, number>();
  for (const text of texts) published.set(nameOf(text), (published.get(nameOf(text)) ?? 0) + 1);
  return published;
}

async function publish(port: number, texts: readonly string[], qos: 1 | 2): Promise<void> {
  await using publisher = await MqttPublisher.connect(port);
  await publisher.publish(texts.map((payload) => ({ topic: "plant/line", payload, qos })));
}
