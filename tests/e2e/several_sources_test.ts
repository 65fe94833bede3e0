/** Sources of several kinds in one handler, one of which is away at first. */
import assert from "node:assert/strict";
import { PATIENCE_MS, Program, runToEnd, temporaryDirectory, until } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { Bus, BusProgram, handlerEnvironment, sqlitePath, sqliteSink } from "./plant.ts";
import { assertProven } from "./proof.ts";

const TEN_MINUTES_S = 600;

Deno.test("a bus, a file and a bus that is away: none holds the others back, and the last one corrects", async () => {
  await using directory = await temporaryDirectory();
  await using live = await Bus.start();
  const awayPort = freePort();
  const awayUrl = `http://127.0.0.1:${awayPort}`;
  const file = `${directory.path}/lines.ndjson`;
  const fileUrl = `file://${file}`;
  const admin = `127.0.0.1:${freePort()}`;
  const time = Math.floor(Date.now() / 1000) - TEN_MINUTES_S;
  const event = (name: string, value: number) =>
    JSON.stringify({ name, value, timestamp: time, agg_func: "sum" });
  await live.publish([event("live", 1), event("shared", 2)]);
  await Deno.writeTextFile(file, `${event("file", 4)}\n${event("shared", 8)}\n`);
  const environment = handlerEnvironment(`${live.url},${fileUrl}?follow=true,${awayUrl}`, directory.path, {
    STORAGE_TYPE: "sqlite",
    HTTP_LISTEN: admin,
    ALLOWED_LATENESS: "1",
    MAX_WAIT: "1",
  });
  const inSqlite = sqliteSink(sqlitePath(directory.path));
  const shared = async () => (await inSqlite.rows()).find(({ name }) => name === "shared")!;
  await using handler = Program.start(["run"], environment);
  await until(async () => await inSqlite.sumOfCounts() === 4, "the two that are there", PATIENCE_MS, [
    handler,
  ]);
  const before = await shared();
  assert.equal(before.value, 10);

  const names = [live.url, fileUrl, awayUrl];
  let told = "";
  await until(
    async () => {
      const reply = await fetch(`http://${admin}/readyz`);
      told = await reply.text();
      const { causes } = JSON.parse(told) as { causes: { name: string; detail: string }[] };
      // The sink may have its rows before the handler knows that it is open.
      return reply.status === 503 && causes.length === 1 && causes[0]!.name === "bus_unavailable" &&
        causes[0]!.detail.startsWith(`${awayUrl}: `);
    },
    () => `/readyz to name one cause, and not\n${told}`,
    PATIENCE_MS,
    [handler],
  );
  const status = await runToEnd(["status", "--json"], environment);
  assert.equal(status.code, 0, status.stderr);
  const { buses } = JSON.parse(status.stdout) as { buses: { name: string }[] };
  assert.deepEqual(buses.map(({ name }) => name), names);
  const metrics = await (await fetch(`http://${admin}/metrics`)).text();
  for (const name of names) {
    const up = name === awayUrl ? 0 : 1;
    assert.ok(metrics.includes(`vabus_handler_bus_up{bus="${name}"} ${up}\n`), metrics);
  }

  await using away = await BusProgram.start(undefined, awayPort);
  await away.publish([event("away", 16), event("shared", 32)]);
  await until(async () => await inSqlite.sumOfCounts() === 6, "the third one", PATIENCE_MS, [handler]);
  const after = await shared();
  assert.equal(after.value, 42);
  assert.equal(after.count, 3);
  assert.ok(after.revision > before.revision, "the window was not corrected");
  await until(
    async () => {
      const reply = await fetch(`http://${admin}/readyz`);
      await reply.body?.cancel();
      return reply.status === 200;
    },
    "readiness",
    PATIENCE_MS,
    [handler],
  );
  await assertProven(environment);
  assert.equal(await handler.stop(), 0, handler.tail());
});
