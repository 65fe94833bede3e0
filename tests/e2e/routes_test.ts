import assert from "node:assert/strict";
import { runToEnd, temporaryDirectory } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { Bus, handlerEnvironment, sqlitePath, sqliteSink } from "./plant.ts";
import { latestRows } from "./topic.ts";

Deno.test("ROUTES sends each name where the first match says, and drops knowingly", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path, {
    STORAGE_TYPE: "sqlite,stdout",
    ROUTES: "orders.*=stdout;audit.*=sqlite,stdout;*.debug=none;*=sqlite",
  });
  const time = Math.floor(Date.now() / 60_000) * 60 - 600;
  const names = ["orders.eu", "orders.debug", "audit.login", "line7.debug", "line7.temperature", "Orders.eu"];
  await bus.publish(names.map((name) => `{"name":"${name}","value":1,"timestamp":${time}}`));
  const output = await runToEnd(["once"], environment);
  assert.equal(output.code, 0, output.stderr);
  const lines = output.stdout.trimEnd().split("\n").map((value) => ({ key: JSON.parse(value).name, value }));
  assert.deepEqual(latestRows(lines).map((row) => row.name).sort(), [
    "audit.login",
    "orders.debug",
    "orders.eu",
  ]);
  const rows = await sqliteSink(sqlitePath(directory.path)).rows();
  assert.deepEqual(rows.map((row) => row.name).sort(), ["Orders.eu", "audit.login", "line7.temperature"]);
  const verify = await runToEnd(["verify"], environment);
  assert.equal(verify.code, 0, verify.stdout + verify.stderr);
});

Deno.test("routes that do not end in a catch-all, or name an unknown sink, are refused", async () => {
  await using directory = await temporaryDirectory();
  for (const routes of ["orders.*=sqlite", "orders.*=kafka;*=sqlite", "nonsense"]) {
    const environment = handlerEnvironment(`http://127.0.0.1:${freePort()}`, directory.path, {
      ROUTES: routes,
    });
    const output = await runToEnd(["run"], environment);
    assert.equal(output.code, 2, output.stderr);
    assert.match(output.stderr, /ROUTES/);
  }
});

Deno.test("a sink that is taken away while aggregates wait for it is an error that names the way out", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const both = handlerEnvironment(bus.url, directory.path, {
    STORAGE_TYPE: "postgres,sqlite",
    POSTGRES_CONNECTION_STRING: `postgres://nobody@127.0.0.1:${freePort()}/nowhere`,
  });
  await bus.publish([`{"name":"waiting","value":1,"timestamp":${Math.floor(Date.now() / 1000) - 600}}`]);
  assert.equal((await runToEnd(["once"], both)).code, 75);
  const one = handlerEnvironment(bus.url, directory.path);
  const refused = await runToEnd(["once"], one);
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /--forget-sink/);
  const forgotten = await runToEnd(["once", "--forget-sink", "postgres"], one);
  assert.equal(forgotten.code, 0, forgotten.stderr);
  assert.equal((await runToEnd(["once"], one)).code, 0);
});
