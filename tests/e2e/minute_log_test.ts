/**
 * What the log tells of a run: refused events once a minute, at the latest at the end; the first aggregates
 * in each sink.
 */
import assert from "node:assert/strict";
import { PATIENCE_MS, Program, runToEnd, temporaryDirectory, until } from "../support/executable.ts";
import { Bus, handlerEnvironment, sqlitePath, sqliteSink } from "./plant.ts";

const GARBAGE = 2000;

function linesOf(stderr: string): Record<string, unknown>[] {
  return stderr.trim().split("\n").map((line) => JSON.parse(line));
}

async function publish(bus: Bus): Promise<void> {
  const future = Date.now() / 1000 + 1e6;
  await bus.publish([
    ...Array.from({ length: GARBAGE }, (_, i) => `{"name":"bad\\u001b[2J","value":"${i}","timestamp":1}`),
    ...Array.from({ length: 3 }, () => `{"name":"ahead","value":1,"timestamp":${future}}`),
    ...[1000, 5000].map((timestamp) => `{"name":"good","value":1,"timestamp":${timestamp}}`),
  ]);
}

Deno.test("run tells once what was refused, with an example, and when the first aggregates have reached the sink", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  await publish(bus);
  await using handler = Program.start(["run"], handlerEnvironment(bus.url, directory.path));
  await until(
    async () => await sqliteSink(sqlitePath(directory.path)).sumOfCounts() >= 1,
    "a row",
    PATIENCE_MS,
    [handler],
  );
  assert.equal(await handler.stop(), 0, handler.tail());
  const lines = linesOf(handler.stderr);
  const warnings = lines.filter(({ level }) => level === "warn");
  assert.equal(warnings.reduce((sum, { invalid }) => sum + Number(invalid ?? 0), 0), GARBAGE, handler.tail());
  const told = warnings.find(({ invalid }) => invalid)!;
  assert.deepEqual(
    [told.example_reason, told.example_offset, told.example_bus],
    ["invalid", 0, bus.url],
  );
  assert.match(String(told.example_name), /^bad\\u001b/);
  const done = lines.filter(({ message }) => message === "in the last minute");
  assert.equal(done.reduce((sum, { received }) => sum + Number(received), 0), GARBAGE + 5);
  assert.equal(done.reduce((sum, { aggregated }) => sum + Number(aggregated), 0), 2);
  const first = lines.filter(({ message }) => String(message).includes("the first aggregates have reached"));
  assert.deepEqual(first.map(({ sink }) => sink), ["sqlite"]);
});

Deno.test("once warns of what was refused, and of nothing where nothing was", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  await publish(bus);
  const environment = handlerEnvironment(bus.url, directory.path, {
    LOG_LEVEL: "warn",
    METRICS_INTERVAL: "15",
  });
  const round = await runToEnd(["once", "--flush"], environment);
  assert.equal(round.code, 0, round.stderr);
  const [told, ...rest] = linesOf(round.stderr).filter(({ level }) => level === "warn");
  assert.deepEqual([told!.invalid, told!.future, rest], [GARBAGE, 3, []]);
  const quiet = await runToEnd(["once", "--flush"], environment);
  assert.deepEqual([quiet.code, quiet.stderr], [0, ""]);
});
