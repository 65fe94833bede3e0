/** The job on a real Flink: `make test-flink`. It takes minutes and is no part of `make test`. */
import assert from "node:assert/strict";
import { handlerEnvironment, postgresSink } from "../e2e/plant.ts";
import { latestRows, readTopic } from "../e2e/topic.ts";
import { KafkaTopic } from "../sources/kafka/kafka_topic.ts";
import { runToEnd, temporaryDirectory, until } from "../support/executable.ts";
import { recentBaseMs } from "../support/event_stream.ts";
import { FlinkCluster } from "../support/flink_cluster.ts";
import { startKafka } from "../support/kafka_broker.ts";
import { startPostgres } from "../support/postgres_server.ts";
import type { Row } from "../support/oracle.ts";
import { testSeed } from "../support/seed.ts";
import { assertEqualRows } from "./equality.ts";
import { FlinkJobs } from "./flink_jobs.ts";
import {
  CLOSING,
  closingRecords,
  type FlinkPlant,
  PLANT_SETTINGS,
  type PlantRecord,
  plantRecords,
} from "./plant.ts";

const SEED = testSeed(20_196);
const EVENTS = Number(Deno.env.get("FLINK_EVENTS") ?? 200_000);
const SPAN_MS = 100_000;
const PARTITIONS = 2;
const BATCH = 10_000;
const PLANT: FlinkPlant = {
  seed: SEED,
  eventCount: EVENTS,
  nameCount: 1000,
  baseMs: recentBaseMs(SPAN_MS, 6),
  spanMs: SPAN_MS,
  partitions: PARTITIONS,
};

/** Servers, and what a handler has made of the same events. */
class Site implements AsyncDisposable {
  private constructor(
    private readonly stack: AsyncDisposableStack,
    readonly flink: FlinkCluster,
    readonly jobs: FlinkJobs,
    readonly brokers: readonly string[],
    readonly postgresUrl: string,
    readonly directory: string,
  ) {}

  static async start(): Promise<Site> {
    await using stack = new AsyncDisposableStack();
    const { path } = stack.use(await temporaryDirectory());
    const [kafka, postgres, flink] = await Promise.all([startKafka(), startPostgres(), FlinkCluster.start()]);
    stack.use(flink);
    stack.defer(() => kafka.remove());
    stack.defer(() => postgres.remove());
    return new Site(stack.move(), flink, new FlinkJobs(flink.restUrl), kafka.brokers, postgres.url, path);
  }

  /** The settings of a handler and of the job, for one bus. */
  environment(bus: string, topic: string): Record<string, string> {
    return {
      ...handlerEnvironment(bus, this.directory),
      ...PLANT_SETTINGS,
      STORAGE_TYPE: "kafka,postgres",
      KAFKA_BOOTSTRAP_SERVERS: this.brokers.join(","),
      KAFKA_TOPIC: topic,
      POSTGRES_CONNECTION_STRING: this.postgresUrl,
      POSTGRES_TABLE: topic.replaceAll("-", "_"),
      INSTANCE_ID: topic,
      STATE_DIR: `${this.directory}/${topic}`,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack.disposeAsync();
  }
}

async function publish(topic: KafkaTopic, records: Iterable<PlantRecord>): Promise<void> {
  let batch: PlantRecord[] = [];
  for (const record of records) {
    if (batch.push(record) < BATCH) continue;
    await topic.send(batch);
    batch = [];
  }
  await topic.send(batch);
}

/** Runs a command of the program, which must succeed. Returns what it prints. */
async function run(args: readonly string[], environment: Record<string, string>): Promise<string> {
  const { code, stdout, stderr } = await runToEnd(args, environment);
  assert.equal(code, 0, `${args.join(" ")}: ${stderr}${stdout}`);
  return stdout.trim();
}

Deno.test("rows equal those of the handler, with a TaskManager killed in the middle", async (t) => {
  await using site = await Site.start();
  const bus = await KafkaTopic.create(site.brokers, PARTITIONS);
  const environment = site.environment(bus.url, "of-handler");
  const submit = ["flink", "--submit", site.flink.gatewayUrl];
  await t.step("flink check: all is there", async () => {
    const report = await run(["flink", "check", "--gateway", site.flink.gatewayUrl], environment);
    assert.match(report, /ok +SQL gateway: Apache Flink 2\.2\.1[\s\S]*ok +the job: planned/);
  });
  const [firstHalf, secondHalf] = halves();
  await publish(bus, firstHalf);
  const jobOf = async (topic: string, parallelism: number, sink: string) => {
    const own = { ...site.environment(bus.url, topic), STORAGE_TYPE: sink, POSTGRES_TABLE: "of_handler" };
    const id = await run([...submit, "--parallelism", `${parallelism}`], own);
    await site.jobs.checkpoints(id, 2);
    await site.flink.taskManager.kill();
    await site.flink.taskManager.start();
    await until(async () => await site.jobs.restarts(id) > 0, "the restart of the job");
    return id;
  };
  let expected: Row[] = [];
  await t.step("parallelism 1, Kafka", async () => {
    const id = await jobOf("of-flink-1", 1, "kafka");
    await publish(bus, secondHalf);
    await publish(bus, closingRecords(PLANT));
    await run(["once", "--flush"], environment);
    expected = (await postgresSink(site.postgresUrl, "of_handler").rows()).filter(isCompared);
    await until(
      async () => (await readTopic(site.brokers, "of-flink-1")).length >= expected.length,
      `${expected.length} rows in Kafka`,
    );
    await site.jobs.cancel(id);
    const rows = latestRows(await readTopic(site.brokers, "of-flink-1"));
    console.log(`${assertEqualRows(rows, expected)} rows of ${EVENTS} events in Kafka`);
  });
  await t.step("parallelism 2, PostgreSQL, in the handler's own table", async () => {
    const id = await jobOf("of-flink-2", 2, "postgres");
    const rowsOfJob = async () =>
      (await postgresSink(site.postgresUrl, "of_handler").rows()).filter(({ instance }) =>
        instance === "of-flink-2.flink"
      );
    await until(async () => (await rowsOfJob()).length >= expected.length, `${expected.length} rows`);
    await site.jobs.cancel(id);
    console.log(`${assertEqualRows(await rowsOfJob(), expected)} rows in PostgreSQL`);
  });
  await t.step("moving over: the job goes on where a handler has ended", async () => {
    const moved = await KafkaTopic.create(site.brokers, PARTITIONS);
    const own: Record<string, string> = {
      ...site.environment(moved.url, "moved"),
      STORAGE_TYPE: "postgres",
    };
    await publish(moved, firstHalf);
    await run(["once", "--flush"], own);
    const id = await run([...submit, "--from-state", own.STATE_DIR!], own);
    await publish(moved, secondHalf);
    await publish(moved, closingRecords(PLANT));
    const total = countsIn(expected);
    const arrived = async () =>
      countsIn((await postgresSink(site.postgresUrl, "moved").rows()).filter(isCompared));
    await until(async () => await arrived() >= total, `${total} events in the rows of both`);
    await site.jobs.cancel(id);
    assert.equal(await arrived(), total, "nothing is lost, and nothing counts twice");
  });
});

/** The records in two parts. What is repeated is in one of them. */
function halves(): [PlantRecord[], PlantRecord[]] {
  const records = [...plantRecords(PLANT)];
  let middle = records.length >> 1;
  while (records[middle] === records[middle - 1]) middle++;
  return [records.slice(0, middle), records.slice(middle)];
}

function isCompared({ name }: Row): boolean {
  return name !== CLOSING;
}

/** Events in all rows. */
function countsIn(rows: readonly Row[]): number {
  return rows.reduce((sum, { count }) => sum + count, 0);
}
