/** The rows of a job on a real Flink: part of `make test-flink`, which takes minutes. */
import assert from "node:assert/strict";
import { postgresSink } from "../../e2e/plant.ts";
import { latestRows, readTopic } from "../../e2e/topic.ts";
import { KafkaTopic } from "../../sources/kafka/kafka_topic.ts";
import { until } from "../../support/executable.ts";
import { recentBaseMs } from "../../support/event_stream.ts";
import type { Row } from "../../support/oracle.ts";
import { testSeed } from "../../support/seed.ts";
import { assertEqualRows } from "../equality.ts";
import { CLOSING, closingRecords, type FlinkPlant, type PlantRecord, plantRecords } from "../plant.ts";
import { heapMiBFor, publish, run, Site } from "../site.ts";

const SEED = testSeed(20_196);
const EVENTS = Number(Deno.env.get("FLINK_EVENTS") ?? 200_000);
const SPAN_MS = 100_000;
const PARTITIONS = 2;
const PLANT: FlinkPlant = {
  seed: SEED,
  eventCount: EVENTS,
  nameCount: 1000,
  baseMs: recentBaseMs(SPAN_MS, 6),
  spanMs: SPAN_MS,
  partitions: PARTITIONS,
};

Deno.test("rows equal those of the handler, with a TaskManager killed in the middle", async (t) => {
  await using site = await Site.start({ heapMiB: heapMiBFor(EVENTS) });
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
