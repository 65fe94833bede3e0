/** The servers of the tests of Flink, and the commands that are run beside them. */
import assert from "node:assert/strict";
import { handlerEnvironment } from "../e2e/plant.ts";
import type { KafkaTopic } from "../sources/kafka/kafka_topic.ts";
import { runToEnd, temporaryDirectory } from "../support/executable.ts";
import { FlinkCluster, type FlinkOptions } from "../support/flink_cluster.ts";
import { startKafka } from "../support/kafka_broker.ts";
import type { Row } from "../support/oracle.ts";
import { startPostgres } from "../support/postgres_server.ts";
import { FlinkJobs } from "./flink_jobs.ts";
import { PLANT_SETTINGS, type PlantRecord } from "./plant.ts";

const BATCH = 10_000;

/** For a job on so many events: Flink keeps each value of a window for its percentiles. */
export function heapMiBFor(events: number): number {
  return 512 + Math.ceil(events / 1000);
}

/** A broker, a database and a cluster. */
export class Site implements AsyncDisposable {
  private constructor(
    private readonly stack: AsyncDisposableStack,
    readonly flink: FlinkCluster,
    readonly jobs: FlinkJobs,
    readonly brokers: readonly string[],
    readonly postgresUrl: string,
    readonly directory: string,
  ) {}

  static async start(options: FlinkOptions = {}): Promise<Site> {
    await using stack = new AsyncDisposableStack();
    const { path } = stack.use(await temporaryDirectory());
    const [kafka, postgres, flink] = await Promise.all([
      startKafka(),
      startPostgres(),
      FlinkCluster.start(options),
    ]);
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

/** Sends records in batches. */
export async function publish(topic: KafkaTopic, records: Iterable<PlantRecord>): Promise<void> {
  let batch: PlantRecord[] = [];
  for (const record of records) {
    if (batch.push(record) < BATCH) continue;
    await topic.send(batch);
    batch = [];
  }
  await topic.send(batch);
}

/** Runs a command of the program, which must succeed. Returns what it prints. */
export async function run(args: readonly string[], environment: Record<string, string>): Promise<string> {
  const { code, stdout, stderr } = await runToEnd(args, environment);
  assert.equal(code, 0, `${args.join(" ")}: ${stderr}${stdout}`);
  return stdout.trim();
}

/** Events in all rows. */
export function countsIn(rows: readonly Row[]): number {
  return rows.reduce((sum, { count }) => sum + count, 0);
}
