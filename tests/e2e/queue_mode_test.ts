/** `VABUS_MODE=queue`: a bus that forgets each event as soon as it has given it. */
import assert from "node:assert/strict";
import { PATIENCE_MS, Program, temporaryDirectory } from "../support/executable.ts";
import { eventStream, recentBaseMs } from "../support/event_stream.ts";
import { FaultyServer, respond } from "../support/http_faults.ts";
import { Oracle } from "../support/oracle.ts";
import { arrival, Bus, handlerEnvironment, observed, sqlitePath, sqliteSink } from "./plant.ts";
import { assertExact } from "./proof.ts";

const WINDOW_MS = 60_000;

Deno.test("queue mode gives the same aggregates, over orderly restarts", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path, { VABUS_MODE: "queue" });
  const oracle = new Oracle(WINDOW_MS);
  const stream = eventStream({
    seed: 41,
    eventCount: 1500,
    nameCount: 20,
    baseMs: recentBaseMs(WINDOW_MS, 6),
    windowSizeMs: WINDOW_MS,
    windowCount: 6,
  });
  await bus.publish(observed(stream, oracle));
  const inSqlite = sqliteSink(sqlitePath(directory.path));
  {
    await using handler = Program.start(["run"], environment);
    await handler.stop();
  }
  await using handler = Program.start(["run"], environment);
  await arrival(inSqlite, oracle.counts.aggregated, "SQLite", PATIENCE_MS, [handler]);
  assert.equal(await handler.stop(), 0, handler.tail());
  await assertExact(oracle, environment);
});

Deno.test("queue mode: an event is on disk before the next one is asked for", async () => {
  await using directory = await temporaryDirectory();
  const time = Math.floor(Date.now() / 1000) - 600;
  const total = 20;
  let given = 0;
  /**
   * Who is to die at the very moment at which it asks for a second event: what it was given before must be
   * there.
   */
  let victim: Program | undefined;
  let isGiven = false;
  await using queue = FaultyServer.start((request) => {
    if (request.path !== "/event") return respond(404, "{}");
    if (given === total) return respond(204, "");
    if (isGiven && victim !== undefined) {
      victim.signal("SIGKILL");
      return "";
    }
    isGiven = true;
    return respond(200, `{"name":"kept","value":${1 + given++},"timestamp":${time}}`);
  });
  const environment = handlerEnvironment(queue.url, directory.path, { VABUS_MODE: "queue" });
  for (let life = 0; life < 3; life++) {
    isGiven = false;
    await using handler = victim = Program.start(["run"], environment);
    await handler.ended();
  }
  victim = undefined;
  await using last = Program.start(["run"], environment);
  await arrival(sqliteSink(sqlitePath(directory.path)), total, "SQLite", PATIENCE_MS, [last]);
  const [row] = await sqliteSink(sqlitePath(directory.path)).rows();
  assert.equal(row!.value, total * (total + 1) / 2);
});
