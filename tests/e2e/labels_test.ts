/** Labels from the bus to the sinks, and through all that an operator can do with them. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { runToEnd, temporaryDirectory } from "../support/executable.ts";
import { Bus, handlerEnvironment, sqlitePath, sqliteSink } from "./plant.ts";

const event = (name: string, labels: string, timestamp: number, value = 1) =>
  `{"name":"${name}","value":${value},"timestamp":${timestamp},"labels":${labels}}`;

Deno.test("series that differ in their labels alone are rejected, retried, redelivered and proven apart", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path, { STORAGE_TYPE: "sqlite" });
  const run = (...args: string[]) => runToEnd(args, environment);
  const time = Math.floor(Date.now() / 1000) - 1800;
  await bus.publish([event("a", "{}", time)]);
  assert.equal((await run("once", "--flush")).code, 0);
  const path = sqlitePath(directory.path);
  const database = new DatabaseSync(path);
  database.exec(`create trigger picky before insert on aggregated_events when new.labels like '%"no"%'
    begin select raise(abort, 'not this one'); end`);
  await bus.publish([
    event("a", '{"line":"1","site":"no"}', time, 2),
    event("a", '{"site":"no","line":"1"}', time, 3),
    event("a", '{"line":"2","site":"no"}', time, 4),
    event("a", '{"line":"1"}', time, 5),
    event("a", '{"line":7}', time, 6),
  ]);
  assert.equal((await run("once", "--flush")).code, 0);
  const deadLetters = await run("dead-letters", "list");
  assert.match(deadLetters.stdout, /a label's value is not text/);
  assert.equal(deadLetters.stdout.match(/not this one/g)?.length, 2, deadLetters.stdout);
  assert.match(deadLetters.stdout, /"labels":\{"line":"1","site":"no"\}/);
  const verdict = await run("verify");
  assert.equal(verdict.code, 0, verdict.stdout);

  database.exec("drop trigger picky");
  assert.equal((await run("dead-letters", "retry", "--reason", "rejected")).code, 0);
  assert.equal((await run("once")).code, 0);
  database.exec("update aggregated_events set value = 0");
  database.close();
  const redelivered = await run("redeliver", "--sink", "sqlite", "--since", "0");
  assert.equal(redelivered.code, 0, redelivered.stdout + redelivered.stderr);
  const rows = (await sqliteSink(path).rows()).map(({ labels, value, count }) => [labels, value, count]);
  assert.deepEqual(rows.sort(([a = ""], [b = ""]) => a < b ? -1 : 1), [
    [undefined, 1, 1],
    ['{"line":"1","site":"no"}', 5, 2],
    ['{"line":"1"}', 5, 1],
    ['{"line":"2","site":"no"}', 4, 1],
  ]);
  const proven = await run("verify");
  assert.equal(proven.code, 0, proven.stdout);
  assert.match(proven.stdout, /^PROVEN/m);
});

Deno.test("what SQLITE_RETENTION has deleted is proven by its sum, and verify says since when rows are compared", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path, {
    STORAGE_TYPE: "sqlite",
    AGGREGATION_INTERVAL: "10",
    CORRECTION_HORIZON: "60",
    SQLITE_RETENTION: "80",
  });
  const run = (...args: string[]) => runToEnd(args, environment);
  const base = Math.floor(Date.now() / 10_000) * 10 - 3600;
  for (let i = 0; i < 20; i++) {
    await bus.publish([event("a", "{}", base + i * 10), event("a", `{"n":"${i % 3}"}`, base + i * 10)]);
  }
  assert.equal((await run("once", "--flush")).code, 0);
  const rows = await sqliteSink(sqlitePath(directory.path)).rows();
  assert.equal(Math.min(...rows.map(({ windowStartMs }) => windowStartMs)), (base + 110) * 1000);
  assert.equal(rows.length, 18);
  const proven = await run("verify");
  assert.equal(proven.code, 0, proven.stdout + proven.stderr);
  assert.match(
    proven.stdout,
    /equal: 40 of 40 events, 22 events of them in rows that it has deleted for their age/,
  );
  assert.ok(
    proven.stdout.includes(`all from ${new Date((base + 110) * 1000).toISOString()} on`),
    proven.stdout,
  );
});
