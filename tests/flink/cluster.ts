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
import { testSeed } from "../support/seed.ts";
import { assertEqualRows } from "./equality.ts";
import { FlinkJobs } from "./flink_jobs.ts";
import { closingRecords, type FlinkPlant, PLANT_SETTINGS, type PlantRecord, plantRecords } from "./plant.ts";

const SEED = testSeed(20_196);
const EVENTS = Number(Deno.env.get("FLINK_EVENTS") ?? 200_000);
const SPAN_MS = 100_000;
const PARTITIONS = 2;
const BATCH = 10_000;

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
  const plant: FlinkPlant = {
    seed: SEED,
    eventCount: EVENTS,
    nameCount: 1000,
    baseMs: recentBaseMs(SPAN_MS, 6),
    spanMs: SPAN_MS,
    partitions: PARTITIONS,
  };
  const bus = await KafkaTopic.create(site.brokers, PARTITIONS);
  const environment = site.environment(bus.url, "of-handler");
  await t.step("flink check: all is there", async () => {
    const report = await run(["flink", "check", "--gateway", site.flink.gatewayUrl], environment);
    assert.doesNotMatch(report, /FAILED/);
    assert.match(report, /ok +SQL gateway: Apache Flink 2\.2\.1[\s\S]*ok +the job: planned/);
  });
  const records = [...plantRecords(plant)];
  const halves = [records.slice(0, records.length / 2), records.slice(records.length / 2)];
  await publish(bus, halves[0]!);
  for (const parallelism of [1, 2]) {
    // The second job finds all events there, and the first only half of them.
    const isFirst = parallelism === 1;
    await t.step(`parallelism ${parallelism}`, async () => {
      const topic = `of-flink-${parallelism}`;
      const own = site.environment(bus.url, topic);
      const flags = ["--submit", site.flink.gatewayUrl, "--parallelism", `${parallelism}`];
      const id = await run(["flink", ...flags], { ...own, STORAGE_TYPE: "kafka" });
      await site.jobs.checkpoints(id, 2);
      await site.flink.taskManager.kill();
      await site.flink.taskManager.start();
      await until(async () => await site.jobs.restarts(id) > 0, "the restart of the job");
      await site.jobs.checkpoints(id, 2);
      if (isFirst) {
        await publish(bus, halves[1]!);
        await publish(bus, closingRecords(plant));
        await run(["once", "--flush"], environment);
      }
      const expected = await postgresSink(site.postgresUrl, "of_handler").rows();
      const isThere = async () => (await readTopic(site.brokers, topic)).length >= expected.length - 6;
      await until(isThere, `${expected.length} rows of Flink`);
      await site.jobs.cancel(id);
      const rows = latestRows(await readTopic(site.brokers, topic));
      console.log(`${assertEqualRows(rows, expected)} rows of ${EVENTS} events, parallelism ${parallelism}`);
    });
  }
});
