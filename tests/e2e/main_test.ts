/**
 * The main job on real parts: VaBus → handler → Kafka, PostgreSQL and SQLite at once, with everything that
 * goes wrong in the data of a plant, and every aggregate equal to an independent calculation. `E2E_EVENTS`
 * sets how many events.
 */
import assert from "node:assert/strict";
import { PATIENCE_MS, Program, runToEnd, temporaryDirectory, until } from "../support/executable.ts";
import { eventStream, recentBaseMs } from "../support/event_stream.ts";
import { Oracle } from "../support/oracle.ts";
import { BusProgram, handlerEnvironment, observed, Sinks } from "./plant.ts";

const EVENTS = Number(Deno.env.get("E2E_EVENTS") ?? 200_000);
const WINDOW_MS = 60_000;
const WINDOWS = 10;

Deno.test(`${EVENTS} events of 1,000 names arrive in Kafka, PostgreSQL and SQLite, each aggregate right`, async () => {
  await using directory = await temporaryDirectory();
  await using sinks = await Sinks.start(directory.path);
  await using bus = await BusProgram.start();
  const environment = handlerEnvironment(bus.url, directory.path, {
    ...sinks.environment,
    AGGREGATION_INTERVAL: `${WINDOW_MS / 1000}`,
    ALLOWED_LATENESS: "5",
    METRICS_INTERVAL: "1",
  });
  await using handler = Program.start(["run"], environment);

  const oracle = new Oracle(WINDOW_MS);
  const texts = observed(
    eventStream({
      seed: 20_240_601,
      eventCount: EVENTS,
      nameCount: 1000,
      baseMs: recentBaseMs(WINDOW_MS, WINDOWS),
      windowSizeMs: WINDOW_MS,
      windowCount: WINDOWS,
    }),
    oracle,
  );
  // In two parts: what comes second finds windows closed, which it corrects, however fast the machine is.
  await bus.publish(firstOf(texts, EVENTS / 2));
  await until(async () => await sinks.inSqlite.sumOfCounts() > 0, "the first rows", PATIENCE_MS, [handler]);
  await bus.publish(texts);
  const { counts } = oracle;
  assert.ok(counts.invalid > 0 && counts.duplicate > 0 && counts.late > 0 && counts.future > 0);

  await sinks.assertEqual(oracle, PATIENCE_MS, [handler]);
  const rows = await sinks.inPostgres.rows();
  assert.ok(rows.some((row) => row.revision > 0), "no late event has corrected a window");

  // Before the handler ends: what it measured is on its way to the bus every second.
  const total = async (name: string) => (await bus.metric(name)).reduce((sum, value) => sum + value, 0);
  let received = 0;
  await until(
    async () => (received = await total("received_events_count")) === counts.received,
    () => `the bus to hear of ${counts.received} received events; it heard of ${received}`,
    PATIENCE_MS,
    [handler],
  );
  const refused = counts.invalid + counts.late + counts.future;
  assert.equal(await total("duplicate_events_count"), counts.duplicate);
  assert.equal(await total("failed_events_count"), refused);
  assert.ok(await total("aggregated_events_count") >= oracle.rowCount);
  assert.ok(await total("processing_time") > 0);

  assert.equal(await handler.stop(), 0, handler.tail());
  const verify = await runToEnd(["verify"], environment);
  assert.equal(verify.code, 0, verify.stdout + verify.stderr);
  const deadLetters = await runToEnd(["dead-letters", "export"], environment);
  assert.equal(deadLetters.code, 0, deadLetters.stderr);
  assert.equal(deadLetters.stdout.trimEnd().split("\n").length, refused);
});

/** Removes the first items and returns them. */
function* firstOf<T>(items: Iterator<T>, count: number): Generator<T> {
  for (let taken = 0; taken < count; taken++) {
    const item = items.next();
    if (item.done) return;
    yield item.value;
  }
}
