/** A bus and a sink that come and go many times a minute, and what the log tells of it. */
import assert from "node:assert/strict";
import { Program, temporaryDirectory, until } from "../support/executable.ts";
import { FaultyServer, respond } from "../support/http_faults.ts";
import { handlerEnvironment } from "./plant.ts";

const FLAPS = 20;

/** Answers every other poll with 503, the others with nothing new. */
function flappingBus(): FaultyServer {
  let polls = 0;
  return FaultyServer.start(({ path }) =>
    path === "/events" && ++polls % 2 === 0
      ? respond(503, "away for a moment")
      : respond(200, JSON.stringify({ log: "l", offset: 0, next: 0, events: [] }))
  );
}

Deno.test("a bus that flaps is told of once when it begins, and then once a minute with how often", async () => {
  await using directory = await temporaryDirectory();
  await using bus = flappingBus();
  await using handler = Program.start(["run"], handlerEnvironment(bus.url, directory.path));
  await until(() => bus.requests.length >= 2 * FLAPS, `${FLAPS} flaps`, undefined, [handler]);
  assert.equal(await handler.stop(), 0, handler.tail());
  const lines: Record<string, unknown>[] = handler.stderr.trim().split("\n").map((line) => JSON.parse(line));
  const minutes = lines.filter(({ message }) => message === "in the last minute").length;
  for (const words of ["the bus cannot be read: ", "the bus answers again"]) {
    const told = lines.filter(({ message }) => String(message).startsWith(words));
    // One at once, and one for what was held back in each minute that has begun.
    assert.ok(told.length >= 2 && told.length <= 2 * minutes, handler.tail());
    assert.equal(told[0]!.times, undefined);
    const times = told.reduce((sum, { times }) => sum + Number(times ?? 1), 0);
    assert.ok(times >= FLAPS - 1, handler.tail());
  }
});
