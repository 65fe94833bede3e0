/** Several instances that share a topic of Kafka: what an event costs all of them together. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { handlerEnvironment, sqlitePath } from "../tests/e2e/plant.ts";
import { KafkaTopic } from "../tests/sources/kafka/kafka_topic.ts";
import { randomNumbers } from "../tests/support/event_stream.ts";
import { executablePath, temporaryDirectory, until } from "../tests/support/executable.ts";
import { freePort } from "../tests/support/free_port.ts";
import { MeasuredProcess } from "./measured_process.ts";

export const [PARTITIONS, SERIES, WINDOWS] = [4, 1000, 6];
const WINDOW_S = 60;
const SEED = 216;
const EVENTS_A_SEND = 20_000;
const EVENTS_A_NOTE = 500_000;
const TIMEOUT_MS = 1_800_000;

/** What events or rows come to. Values are whole numbers, so sums are exact. */
export interface Totals {
  readonly count: number;
  readonly sum: number;
}

export interface FleetUsage {
  /** User and system time of all instances, each from its start to its end. */
  readonly cpuSeconds: number;
  /** Peaks of the resident memory of all instances, added up. */
  readonly peakBytes: number;
}

/** A topic whose records are keyed by series: all events of a series are in one partition. */
export interface FilledTopic extends Totals {
  readonly url: string;
}

/**
 * Makes a topic of so many events.
 *
 * @param note Is told now and then how many are there.
 */
export async function fillTopic(
  topic: KafkaTopic,
  count: number,
  note: (text: string) => void,
): Promise<FilledTopic> {
  const random = randomNumbers(SEED);
  const spanMs = WINDOWS * WINDOW_S * 1000;
  const baseMs = (Math.floor(Date.now() / 1000 / WINDOW_S) * WINDOW_S) * 1000 - 2 * spanMs;
  let sum = 0;
  for (let at = 0; at < count; at += EVENTS_A_SEND) {
    const messages = Array.from({ length: Math.min(EVENTS_A_SEND, count - at) }, (_, i) => {
      const sensor = Math.floor(random() * SERIES);
      const value = Math.floor(random() * 1000);
      sum += value;
      const timestamp = (baseMs + Math.floor((at + i) / count * spanMs)) / 1000;
      const name = `plant.line${sensor % 20}.sensor${sensor}.temperature`;
      return { partition: sensor % PARTITIONS, value: JSON.stringify({ name, value, timestamp }) };
    });
    await topic.send(messages);
    const published = at + messages.length;
    if (published % EVENTS_A_NOTE === 0 || published === count) {
      note(`${published} of ${count} events are published`);
    }
  }
  return { url: topic.url, count, sum };
}

/**
 * What so many instances use to read all of a topic, aggregate it and deliver the rows to a SQLite file each.
 *
 * @throws where one of them fails, or where their rows do not stand for each event once.
 */
export async function measureFleet(topic: FilledTopic, instances: number): Promise<FleetUsage> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory()).path;
  // Another group begins at the oldest record.
  const group = `bench-${crypto.randomUUID().slice(0, 8)}`;
  const fleet = Array.from({ length: instances }, (_, index) => {
    const own = `${directory}/${index}`;
    const listen = `127.0.0.1:${freePort()}`;
    const process = stack.use(MeasuredProcess.start(executablePath(), ["run"], {
      // The executable unpacks itself once for a home.
      HOME: Deno.env.get("HOME") ?? directory,
      ...handlerEnvironment(topic.url, own, {
        INSTANCE_ID: `${group}-${index}`,
        INSTANCE_COUNT: `${instances}`,
        INSTANCE_INDEX: `${index}`,
        STORAGE_TYPE: "sqlite",
        AGGREGATION_INTERVAL: `${WINDOW_S}`,
        AGG_FUNCTIONS: "*=sum,count,min,max",
        IDLE_TIMEOUT: "5",
        HTTP_LISTEN: listen,
      }),
    }));
    return { process, listen, table: sqlitePath(own) };
  });
  const totals = () => fleet.map(({ table }) => totalsIn(table)).reduce(added);
  const ended = fleet.map(async ({ process }) => {
    await process.ended();
    throw new Error("an instance has ended by itself");
  });
  const arrived = until(
    async () => totals().count >= topic.count && (await Promise.all(fleet.map(isReady))).every(Boolean),
    () => `${topic.count} events in the tables, which have ${totals().count}`,
    TIMEOUT_MS,
  );
  await Promise.race([arrived, ...ended]);
  for (const { process } of fleet) process.stop();
  const usages = await Promise.all(fleet.map(({ process }) => process.ended()));
  assert.deepEqual(totals(), { count: topic.count, sum: topic.sum }, "each event once, in one of the tables");
  return {
    cpuSeconds: usages.reduce((all, { cpuSeconds }) => all + cpuSeconds, 0),
    peakBytes: usages.reduce((all, { peakBytes }) => all + peakBytes, 0),
  };
}

async function isReady({ listen }: { listen: string }): Promise<boolean> {
  const { body, ok } = await fetch(`http://${listen}/readyz`);
  await body?.cancel();
  return ok;
}

function added(a: Totals, b: Totals): Totals {
  return { count: a.count + b.count, sum: a.sum + b.sum };
}

/** What the rows of a table stand for; nothing as long as there is no table. */
function totalsIn(path: string): Totals {
  try {
    using database = new DatabaseSync(path, { readOnly: true, timeout: 10_000 });
    const row = database.prepare(
      `SELECT coalesce(sum(value) FILTER (WHERE agg_func = 'count'), 0) AS count,
         coalesce(sum(value) FILTER (WHERE agg_func = 'sum'), 0) AS sum FROM aggregated_events`,
    ).get()!;
    return { count: Number(row.count), sum: Number(row.sum) };
  } catch (error) {
    if (/unable to open|no such table/.test(String(error))) return { count: 0, sum: 0 };
    throw error;
  }
}
