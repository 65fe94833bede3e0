/** From a handler to a job and back, on a real Flink: part of `make test-flink`. */
import assert from "node:assert/strict";
import { KafkaTopic } from "../../sources/kafka/kafka_topic.ts";
import { postgresSink } from "../../e2e/plant.ts";
import { recentBaseMs } from "../../support/event_stream.ts";
import { until } from "../../support/executable.ts";
import { keyOf, type Row } from "../../support/oracle.ts";
import { testSeed } from "../../support/seed.ts";
import { CLOSING, closingRecords, type FlinkPlant, type PlantRecord, plantRecords } from "../plant.ts";
import { committedOffsets, endOffsets } from "../offsets.ts";
import { countsIn, publish, run, Site } from "../site.ts";

const PARTITIONS = 2;
const SPAN_MS = 100_000;
const PLANT: FlinkPlant = {
  seed: testSeed(20_197),
  eventCount: 30_000,
  nameCount: 100,
  baseMs: recentBaseMs(SPAN_MS, 6),
  spanMs: SPAN_MS,
  partitions: PARTITIONS,
};

Deno.test("from a handler to a job, and back to a handler: nothing is lost, and nothing counts twice", async () => {
  await using site = await Site.start();
  const topic = await KafkaTopic.create(site.brokers, PARTITIONS);
  const [first, second, third] = thirds();
  const handler: Record<string, string> = {
    ...site.environment(topic.url, "moved"),
    STORAGE_TYPE: "postgres",
  };
  await publish(topic, first);
  await run(["once", "--flush"], handler);

  const id = await run(
    ["flink", "--submit", site.flink.gatewayUrl, "--from-state", handler.STATE_DIR!],
    handler,
  );
  await publish(topic, second);
  const group = "vabus-data-handler_source.moved.flink";
  await until(
    async () => await committedOffsets(site.brokers, group, topic.name) === await endOffsets(topic),
    "the job's offsets at the end of the topic",
  );
  await site.jobs.drain(id);

  await publish(topic, [...third, ...closingRecords(PLANT)]);
  const back: Record<string, string> = {
    ...handler,
    INSTANCE_ID: "moved-2",
    INSTANCE_COUNT: "1",
    INSTANCE_INDEX: "0",
    INSTANCE_GROUP: "moved.flink",
    STATE_DIR: `${handler.STATE_DIR}-2`,
  };
  await run(["once", "--flush", "--take-over"], back);
  assert.match(await run(["verify"], back), /^PROVEN\b.*none is counted twice$/m);
  // It has the topic from now on, and needs the flag no more.
  await run(["once", "--flush"], back);

  const rows = await rowsIn(site, "moved");
  const alone = { ...site.environment(topic.url, "alone"), STORAGE_TYPE: "postgres" };
  await run(["once", "--flush"], alone);
  const expected = await rowsIn(site, "alone");
  assert.deepEqual([...new Set(rows.map(({ instance }) => instance))].sort(), [
    "moved",
    "moved-2",
    "moved.flink",
  ]);
  assert.equal(countsIn(rows), countsIn(expected));
  assertSameTogether(rows, expected);
});

async function rowsIn(site: Site, table: string): Promise<Row[]> {
  return (await postgresSink(site.postgresUrl, table).rows()).filter(({ name }) => name !== CLOSING);
}

/** The records in three parts, each of which ends within windows. What is repeated is in one of them. */
function thirds(): [PlantRecord[], PlantRecord[], PlantRecord[]] {
  const records = [...plantRecords(PLANT)];
  const [a, b] = [1, 2].map((part) => {
    let at = Math.floor(records.length * part / 3);
    while (records[at] === records[at - 1]) at++;
    return at;
  }) as [number, number];
  return [records.slice(0, a), records.slice(a, b), records.slice(b)];
}

/** The rows of all instances, joined where they can be, are those of one. */
function assertSameTogether(rows: readonly Row[], expected: readonly Row[]): void {
  const parts = Map.groupBy(rows, (row) => keyOf(row));
  const missing = expected.filter((row) => !parts.has(keyOf(row)));
  assert.deepEqual(missing.slice(0, 3), [], `${missing.length} rows are missing`);
  assert.equal(parts.size, expected.length);
  for (const row of expected) {
    const found = parts.get(keyOf(row))!;
    assert.equal(countsIn(found), row.count, keyOf(row));
    const joined = joinedValue(row.aggFunc, found);
    if (joined === undefined) continue;
    assert.ok(Math.abs(joined - row.value) <= 1e-9 * Math.abs(row.value), `${keyOf(row)}: ${joined}`);
  }
}

/** As docs/flink.md says; undefined: parts of this function cannot be joined. */
function joinedValue(aggFunc: string, parts: readonly Row[]): number | undefined {
  const values = parts.map(({ value }) => value);
  switch (aggFunc) {
    case "sum":
    case "count":
      return values.reduce((sum, value) => sum + value, 0);
    case "avg":
      return parts.reduce((sum, { count, value }) => sum + count * value, 0) / countsIn(parts);
    case "min":
      return Math.min(...values);
    case "max":
      return Math.max(...values);
  }
  return undefined;
}
