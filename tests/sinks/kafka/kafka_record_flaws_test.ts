/** What reading a topic back makes of its records, without a broker. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type Aggregate, toRecord } from "../../../src/aggregation/aggregate.ts";
import { systemClock } from "../../../src/platform/clock/clock.ts";
import { KafkaReadBack } from "../../../src/sinks/kafka/kafka_read_back.ts";
import { TopicRows } from "../../../src/sinks/kafka/topic_rows.ts";
import { aggregateOf, NEVER, QUIET } from "../../contract/sink_samples.ts";

const INSTANCE = "plant-1";
const ROW = aggregateOf({ name: "a", count: 3 });

const recordOf = (row: Aggregate, instance = INSTANCE) => JSON.stringify(toRecord(row, instance));

/** The events that are counted, and the flaws that are found, in a topic with these values. */
async function found(
  values: readonly (string | null)[],
  repeat: "positioned" | "append" = "positioned",
  mayRepeat = false,
) {
  const options = { bootstrapServers: ["k1:9092"], topic: "rows", clock: systemClock, repeat };
  const readBack = new KafkaReadBack(options, QUIET);
  const rows = new TopicRows();
  // As if the topic had been read.
  Object.assign(readBack, { rows, owner: INSTANCE });
  const { take } = readBack as unknown as { take: (...record: unknown[]) => void };
  values.forEach((value, i) =>
    take.call(readBack, value === null ? null : Buffer.from(value), `0:${i}`, INSTANCE, rows)
  );
  try {
    const events = await readBack.sumOfCounts(INSTANCE, 0, NEVER);
    return { events, flaws: [...await readBack.flaws(INSTANCE, 0, () => mayRepeat, NEVER)] };
  } finally {
    await readBack.close();
  }
}

Deno.test("records of others, and what is no record, are passed over", async () => {
  const others = [null, "", "{", "7", "null", recordOf(ROW, "plant-2"), '{"instance":"plant-2"}'];
  assert.deepEqual(await found([...others, recordOf(ROW)]), { events: 3, flaws: [] });
});

Deno.test("records that name the instance and are no aggregate are shown, as far as they are few", async () => {
  const malformed = '{"instance":"plant-1"}';
  const { events, flaws } = await found([recordOf(ROW), ...Array.from({ length: 22 }, () => malformed)]);
  assert.deepEqual([events, flaws.length], [3, 22]);
  assert.equal(flaws[0], "the record at partition:offset 0:1 names this instance and is no aggregate");
  assert.match(flaws[19]!, / 0:20 names this instance/);
  assert.deepEqual(flaws.slice(20), ["another malformed record", "another malformed record"]);
});

Deno.test("a record that is there twice is a flaw where it may not be repeated, a contradiction everywhere", async () => {
  const twice = [recordOf(ROW), recordOf(ROW)];
  const { flaws } = await found(twice);
  assert.deepEqual(flaws, [
    `window ${new Date(ROW.windowStartMs).toISOString()}: avg("a") revision 0 is there 2 times`,
  ]);
  assert.deepEqual((await found(twice, "append")).flaws, []);
  assert.deepEqual((await found(twice, "positioned", true)).flaws, []);
  const contradicting = [recordOf(ROW), recordOf({ ...ROW, value: 7 })];
  for (const repeat of ["positioned", "append"] as const) {
    const { flaws } = await found(contradicting, repeat, true);
    assert.match(flaws.join(), /is there 2 times, not always with the same content$/);
  }
});
