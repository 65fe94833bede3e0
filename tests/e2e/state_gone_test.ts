/** The state directory is removed under a running handler. */
import assert from "node:assert/strict";
import {
  assertNoStackTrace,
  PATIENCE_MS,
  Program,
  runToEnd,
  temporaryDirectory,
  until,
} from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { arrival, Bus, handlerEnvironment, sqlitePath, sqliteSink } from "./plant.ts";

Deno.test("a state directory removed under the handler: it says so, reads no more, makes none anew, ends in order", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const port = freePort();
  const environment = handlerEnvironment(bus.url, directory.path, {
    STORAGE_TYPE: "sqlite",
    HTTP_LISTEN: `127.0.0.1:${port}`,
  });
  const inSqlite = sqliteSink(sqlitePath(directory.path));
  const event = `{"name":"press","value":1,"timestamp":${Math.floor(Date.now() / 1000) - 1800}}`;
  const stateDirectory = `${directory.path}/state`;
  await using handler = Program.start(["run"], environment);
  await bus.publish([event]);
  await arrival(inSqlite, 1, "SQLite", PATIENCE_MS, [handler]);
  const readiness = async () => {
    const reply = await fetch(`http://127.0.0.1:${port}/readyz`);
    return await reply.json() as { status: string; causes: { name: string; detail: string }[] };
  };
  // The sink may have its row before the handler knows that it is open.
  await until(async () => (await readiness()).status === "ready", "readiness", PATIENCE_MS, [handler]);
  await Deno.remove(stateDirectory, { recursive: true });
  const { causes } = await until(
    async () => {
      const found = await readiness();
      return found.status !== "ready" && found;
    },
    "the handler to notice",
    PATIENCE_MS,
    [handler],
  );
  assert.deepEqual(causes.map(({ name }) => name), ["state_gone"]);
  assert.match(causes[0]!.detail, /was removed while the handler runs/);
  await handler.says(/fetching stops: the state file .* was removed/);
  await bus.publish([event]);
  assert.equal(await handler.stop(), 0, handler.tail());
  assertNoStackTrace(handler);
  await assert.rejects(Deno.stat(stateDirectory), Deno.errors.NotFound);
  const status = await runToEnd(["status"], environment);
  assert.match(status.stderr, /there is no state in/);
});
