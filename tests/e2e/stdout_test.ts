import assert from "node:assert/strict";
import { PATIENCE_MS, Program, temporaryDirectory, until } from "../support/executable.ts";
import { eventStream, recentBaseMs } from "../support/event_stream.ts";
import { Oracle } from "../support/oracle.ts";
import { Bus, handlerEnvironment, INSTANCE, observed } from "./plant.ts";
import { latestRows } from "./topic.ts";

const WINDOW_MS = 60_000;

Deno.test("the stdout sink writes one JSON line an aggregate, and nothing else is on stdout", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const oracle = new Oracle(WINDOW_MS);
  const stream = eventStream({
    seed: 31,
    eventCount: 20_000,
    nameCount: 100,
    baseMs: recentBaseMs(WINDOW_MS, 5),
    windowSizeMs: WINDOW_MS,
    windowCount: 5,
  });
  await bus.publish(observed(stream, oracle));
  await using handler = Program.start(
    ["run"],
    handlerEnvironment(bus.url, directory.path, { STORAGE_TYPE: "stdout", LOG_LEVEL: "debug" }),
  );
  const rows = () => {
    const lines = handler.stdout.slice(0, handler.stdout.lastIndexOf("\n") + 1).split("\n").slice(0, -1);
    return latestRows(lines.map((value) => ({ key: JSON.parse(value).name, value })));
  };
  const { aggregated } = oracle.counts;
  await until(
    () => rows().reduce((sum, row) => sum + row.count, 0) === aggregated,
    `lines that account for ${aggregated} events`,
    PATIENCE_MS,
    [handler],
  );
  assert.equal(await handler.stop(), 0, handler.tail());
  oracle.assertRows(rows(), "stdout", INSTANCE);
});
