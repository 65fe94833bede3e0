/** Bus, sinks and handler are stopped for a while, one after another. */
import assert from "node:assert/strict";
import {
  assertNoStackTrace,
  PATIENCE_MS,
  Program,
  temporaryDirectory,
  until,
} from "../support/executable.ts";
import { eventStream, recentBaseMs, type StreamOptions } from "../support/event_stream.ts";
import { kafkaIsExternal } from "../support/kafka_broker.ts";
import { Oracle } from "../support/oracle.ts";
import { postgresIsExternal, startPostgres } from "../support/postgres_server.ts";
import {
  arrival,
  type Arrivals,
  Bus,
  BusProgram,
  handlerEnvironment,
  INSTANCE,
  observed,
  postgresSink,
  Sinks,
  sqlitePath,
  sqliteSink,
} from "./plant.ts";
import { assertProven } from "./proof.ts";

const WINDOW_MS = 60_000;
/** 128 + SIGTERM: an end in good order, however quick, is 0. */
const ENDED_AT_ONCE = 143;

Deno.test({
  name: "PostgreSQL, Kafka and the bus are stopped for a while, one after another",
  ignore: postgresIsExternal || kafkaIsExternal,
  fn: async () => {
    await using directory = await temporaryDirectory();
    await using sinks = await Sinks.startAlone(directory.path);
    const { kafka, postgres } = sinks;
    await using bus = await BusProgram.start(`${directory.path}/bus`);
    const environment = handlerEnvironment(bus.url, directory.path, sinks.environment);
    await using handler = Program.start(["run"], environment);
    const { oracle, slices } = slicedStream({ seed: 3, eventCount: 90_000, windowCount: 18 }, 6);
    /** Publishes the next slice, which spans three windows, and waits until some of them are in SQLite. */
    const flow = () => flowing(sinks.inSqlite, () => bus.publish(slices.shift()!), [handler]);

    await flow();
    await postgres.stop();
    await flow();
    await postgres.start();
    await flow();
    await kafka.kill();
    await flow();
    await kafka.start();
    await flow();
    await bus.kill();
    const saidBefore = handler.stderr.length;
    await until(
      () => handler.stderr.length > saidBefore,
      "the handler to notice that the bus is away",
      PATIENCE_MS,
      [
        handler,
      ],
    );
    await bus.restart();
    await flow();
    assert.equal(slices.length, 0);

    await sinks.assertEqual(oracle, PATIENCE_MS, [handler]);
    assert.equal(await handler.stop(), 0, handler.tail());
    assertNoStackTrace(handler);
    await assertProven(environment);
  },
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`${signal} in the middle of the work: exit 0 in time, and the next start goes on`, async () => {
    await using directory = await temporaryDirectory();
    await using bus = await Bus.start();
    const environment = handlerEnvironment(bus.url, directory.path, { STORAGE_TYPE: "sqlite" });
    const { oracle, slices } = slicedStream({ seed: 4, eventCount: 24_000, windowCount: 12 }, 4);
    const inSqlite = sqliteSink(sqlitePath(directory.path));
    for (const slice of slices) {
      await using handler = Program.start(["run"], environment);
      await flowing(inSqlite, () => bus.publish(slice), [handler]);
      handler.signal(signal);
      assert.equal(await handler.ended(), 0, handler.tail());
      assertNoStackTrace(handler);
    }
    await using handler = Program.start(["run"], environment);
    await arrival(inSqlite, oracle.counts.aggregated, "SQLite", PATIENCE_MS, [handler]);
    oracle.assertRows(await inSqlite.rows(), "SQLite", INSTANCE);
  });
}

Deno.test({
  name: "signals while a sink is out of reach: the first one ends in time, the second one at once",
  ignore: postgresIsExternal,
  fn: async () => {
    await using servers = new AsyncDisposableStack();
    const postgres = await startPostgres();
    servers.defer(() => postgres.remove());
    await using directory = await temporaryDirectory();
    await using bus = await Bus.start();
    const environment = handlerEnvironment(bus.url, directory.path, {
      STORAGE_TYPE: "postgres,sqlite",
      POSTGRES_CONNECTION_STRING: postgres.url,
    });
    const { oracle, slices } = slicedStream({ seed: 5, eventCount: 15_000, windowCount: 9 }, 3);
    const inSqlite = sqliteSink(sqlitePath(directory.path));
    {
      await using handler = Program.start(["run"], environment);
      await flowing(inSqlite, () => bus.publish(slices[0]!), [handler]);
      await postgres.stop();
      await flowing(inSqlite, () => bus.publish(slices[1]!), [handler]);
      assert.equal(await handler.stop(), 0, handler.tail());
      assertNoStackTrace(handler);
    }
    {
      await using handler = Program.start(["run"], environment);
      await flowing(inSqlite, () => bus.publish(slices[2]!), [handler]);
      handler.signal("SIGTERM");
      // Not before the first signal has been handled, or both would count as one.
      await until(() => /"stopping\b/.test(handler.stderr), "the first signal to be handled", PATIENCE_MS, [
        handler,
      ]);
      handler.signal("SIGTERM");
      assert.equal(await handler.ended(), ENDED_AT_ONCE, handler.tail());
      assertNoStackTrace(handler);
    }
    await postgres.start();
    await using handler = Program.start(["run"], environment);
    const inPostgres = postgresSink(postgres.url);
    await arrival(inSqlite, oracle.counts.aggregated, "SQLite", PATIENCE_MS, [handler]);
    await arrival(inPostgres, oracle.counts.aggregated, "PostgreSQL", PATIENCE_MS, [handler]);
    oracle.assertRows(await inSqlite.rows(), "SQLite", INSTANCE);
    oracle.assertRows(await inPostgres.rows(), "PostgreSQL", INSTANCE);
  },
});

/** A stream cut into pieces that follow each other, and what must come of all of it. */
function slicedStream(
  options: Pick<StreamOptions, "seed" | "eventCount" | "windowCount">,
  sliceCount: number,
): { oracle: Oracle; slices: string[][] } {
  const oracle = new Oracle(WINDOW_MS);
  const baseMs = recentBaseMs(WINDOW_MS, options.windowCount);
  const texts = [...observed(
    eventStream({ ...options, nameCount: 100, baseMs, windowSizeMs: WINDOW_MS }),
    oracle,
  )];
  const size = Math.ceil(texts.length / sliceCount);
  const slices = Array.from({ length: sliceCount }, (_, i) => texts.slice(i * size, (i + 1) * size));
  return { oracle, slices };
}

/** Does something that must bring more events into a sink, and waits until it has. */
async function flowing(sink: Arrivals, act: () => Promise<void>, programs: Program[]): Promise<void> {
  const before = await sink.sumOfCounts();
  await act();
  await until(
    async () => await sink.sumOfCounts() > before,
    "more events in the sink",
    PATIENCE_MS,
    programs,
  );
}
