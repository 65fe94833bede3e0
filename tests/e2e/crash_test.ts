/** Twelve power cuts during the work: no sink lacks a row or has one twice. */
import assert from "node:assert/strict";
import { PATIENCE_MS, pause, Program, temporaryDirectory } from "../support/executable.ts";
import { eventStream, randomNumbers, recentBaseMs } from "../support/event_stream.ts";
import { Oracle } from "../support/oracle.ts";
import { testSeed } from "../support/seed.ts";
import { Bus, handlerEnvironment, observed, Sinks } from "./plant.ts";
import { assertProven } from "./proof.ts";

const SEED = testSeed(20_251_126);
const KILLS = 12;
const EVENTS = 100_000;
const WINDOW_MS = 60_000;
const WINDOWS = 10;
const BATCH_SIZE = 500;
const LIFE_MAX_MS = 3000;

Deno.test(`kill -9 at ${KILLS} random moments`, async () => {
  const random = randomNumbers(SEED);
  await using directory = await temporaryDirectory();
  await using sinks = await Sinks.start(directory.path);
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path, {
    ...sinks.environment,
    CHECKPOINT_INTERVAL: "0.2",
  });
  const oracle = new Oracle(WINDOW_MS);
  const texts = [...observed(
    eventStream({
      seed: SEED,
      eventCount: EVENTS,
      nameCount: 300,
      baseMs: recentBaseMs(WINDOW_MS, WINDOWS),
      windowSizeMs: WINDOW_MS,
      windowCount: WINDOWS,
    }),
    oracle,
  )];
  const batches = Math.ceil(texts.length / BATCH_SIZE);
  const batchesALife = Math.ceil(batches / (KILLS + 1));

  for (let life = 0; life < KILLS; life++) {
    await using handler = Program.start(["run"], environment);
    const killAtMs = random() * LIFE_MAX_MS;
    const powerCut = async () => {
      await pause(killAtMs);
      assert.equal(handler.exitCode, undefined, handler.tail());
      await handler.kill9();
    };
    const feed = async () => {
      for (let batch = life * batchesALife; batch < (life + 1) * batchesALife; batch++) {
        await bus.publish(texts.slice(batch * BATCH_SIZE, (batch + 1) * BATCH_SIZE));
        await pause(killAtMs / batchesALife);
      }
    };
    await Promise.all([powerCut(), feed()]);
  }

  await using handler = Program.start(["run"], environment);
  await bus.publish(texts.slice(KILLS * batchesALife * BATCH_SIZE));
  await sinks.assertEqual(oracle, PATIENCE_MS, [handler]);
  assert.equal(await handler.stop(), 0, handler.tail());
  await assertProven(environment);
});
