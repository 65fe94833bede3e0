/** A sink loses what it has confirmed. */
import assert from "node:assert/strict";
import {
  PATIENCE_MS,
  Program,
  runCheck,
  runToEnd,
  temporaryDirectory,
  until,
} from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { arrival, Bus, handlerEnvironment, sqlitePath, sqliteSink } from "./plant.ts";

Deno.test("a sink's file that is removed under the handler is an alarm that stands until it is settled; the rest goes on", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const port = freePort();
  const environment = handlerEnvironment(bus.url, directory.path, {
    STORAGE_TYPE: "sqlite",
    HTTP_LISTEN: `127.0.0.1:${port}`,
  });
  const inSqlite = sqliteSink(sqlitePath(directory.path));
  const event = (name: string) =>
    `{"name":"${name}","value":1,"timestamp":${Math.floor(Date.now() / 1000) - 1800}}`;
  const readiness = async () => {
    const reply = await fetch(`http://127.0.0.1:${port}/readyz`);
    return [reply.status, await reply.json()] as const;
  };
  {
    await using handler = Program.start(["run"], environment);
    await bus.publish([event("a")]);
    await arrival(inSqlite, 1, "SQLite", PATIENCE_MS, [handler]);
    for (const suffix of ["", "-wal", "-shm"]) await Deno.remove(sqlitePath(directory.path) + suffix);
    await bus.publish([event("b")]);
    await arrival(inSqlite, 1, "the new file", PATIENCE_MS, [handler]);
    const [status, { alarms }] = await until(
      async () => {
        const answer = await readiness();
        return answer[0] === 200 && answer;
      },
      "the sink to work again",
      PATIENCE_MS,
      [handler],
    );
    assert.equal(status, 200);
    assert.equal(alarms[0].name, "rows_missing");
    await handler.says(/ALARM: the table in .* had to be created again.*redeliver --sink sqlite/);
    assert.equal(await handler.stop(), 0, handler.tail());
  }
  const status = await runToEnd(["status"], environment);
  assert.match(status.stdout, /^ALARM +sqlite, since .*redeliver --sink sqlite/m);
  const report = JSON.parse((await runToEnd(["status", "--json"], environment)).stdout);
  assert.equal(report.alarms[0].kind, "rows_missing");
  const check = await runCheck(environment);
  assert.match(check.stdout, /^ALARM +sqlite/m);
  assert.equal((await runToEnd(["verify"], environment)).code, 1);
  const redelivered = await runToEnd(["redeliver", "--sink", "sqlite", "--since", "0"], environment);
  assert.equal(redelivered.code, 0, redelivered.stdout + redelivered.stderr);
  assert.doesNotMatch((await runToEnd(["status"], environment)).stdout, /ALARM/);
  assert.equal((await runToEnd(["verify"], environment)).code, 0);

  await Deno.remove(sqlitePath(directory.path));
  assert.equal((await runToEnd(["once"], environment)).code, 0);
  assert.match((await runToEnd(["status"], environment)).stdout, /^ALARM/m);
  const unknown = await runToEnd(["once", "--accept-sink", "nowhere"], environment);
  assert.equal(unknown.code, 2, unknown.stderr);
  const accepted = await runToEnd(["once", "--accept-sink", "sqlite"], environment);
  assert.equal(accepted.code, 0, accepted.stderr);
  assert.doesNotMatch((await runToEnd(["status"], environment)).stdout, /ALARM/);
});
