/** The host is lost; the backup of yesterday becomes the state of a new one. */
import assert from "node:assert/strict";
import {
  assertNoStackTrace,
  PATIENCE_MS,
  Program,
  runToEnd,
  temporaryDirectory,
} from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { arrival, Bus, handlerEnvironment, INSTANCE, sqlitePath, sqliteSink } from "./plant.ts";

Deno.test("a restored handler brings what came after the backup once more, and its corrections win in the sink", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  const environment = handlerEnvironment(bus.url, directory.path);
  const inSqlite = sqliteSink(sqlitePath(directory.path));
  const backup = `${directory.path}/backup`;
  // One and the same for all, or a minute that turns meanwhile would make two windows of them.
  const event = `{"name":"press","value":1,"timestamp":${Math.floor(Date.now() / 1000) - 1800}}`;
  {
    await using handler = Program.start(["run"], environment);
    await bus.publish([event]);
    await arrival(inSqlite, 1, "SQLite", PATIENCE_MS, [handler]);
    const made = await runToEnd(["backup", "--to", backup], environment);
    assert.equal(made.code, 0, made.stderr);
    assert.match(made.stdout, new RegExp(`the state of ${INSTANCE}, .* checked`));
    // Each makes a revision of the window that the backup knows nothing of.
    for (const total of [2, 3, 4]) {
      await bus.publish([event]);
      await arrival(inSqlite, total, "SQLite", PATIENCE_MS, [handler]);
    }
    const held = await runToEnd(["restore", "--from", backup, "--replace"], environment);
    assert.equal(held.code, 75, held.stderr);
    assert.match(held.stderr, new RegExp(`pid ${handler.pid}`));
    await handler.kill9();
  }

  await Deno.rename(`${directory.path}/state`, `${directory.path}/lost`);
  const restored = await runToEnd(["restore", "--from", backup], environment);
  assert.equal(restored.code, 0, restored.stderr);
  await using handler = Program.start(["run"], environment);
  await bus.publish([event]);
  await arrival(inSqlite, 5, "SQLite", PATIENCE_MS, [handler]);
  assert.equal(await handler.stop(), 0, handler.tail());
  const [row, ...others] = await inSqlite.rows();
  assert.deepEqual([row!.value, row!.count, others.length], [5, 5, 0]);
  const proof = await runToEnd(["verify"], environment);
  assert.equal(proof.code, 0, proof.stdout + proof.stderr);
});

Deno.test("restore and backup say what is wrong", async () => {
  await using directory = await temporaryDirectory();
  const environment = handlerEnvironment(`http://127.0.0.1:${freePort()}`, directory.path);
  const cases: [args: string[], code: number, message: RegExp][] = [
    [["backup"], 2, /backup --to <path>/],
    [["restore"], 2, /restore --from <path>/],
    [["backup", "--to", `${directory.path}/b`], 1, /there is no state in/],
    [["restore", "--from", `${directory.path}/b`], 1, /there is no backup/],
    [["restore", "--from", directory.path], 1, /there is no backup/],
  ];
  for (const [args, code, message] of cases) {
    const output = await runToEnd(args, environment);
    assert.equal(output.code, code, `${args.join(" ")}: ${output.stderr}`);
    assert.match(output.stderr, message);
    assertNoStackTrace(output);
  }
});
