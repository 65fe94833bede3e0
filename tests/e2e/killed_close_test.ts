/** A window of many series closes in turns, and the process is killed in the middle of it. */
import assert from "node:assert/strict";
import { PATIENCE_MS, Program, temporaryDirectory, until } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { arrival, Bus, handlerEnvironment, sqlitePath, sqliteSink } from "./plant.ts";
import { assertProven } from "./proof.ts";

const SERIES = 60_000;
const TOKEN = "admin-of-the-test";

/** How many replies the listener gives while the window closes, until the process is killed. */
for (const replies of [0, 1, 3, 6]) {
  Deno.test(`killed when ${replies} were answered during a close: all is there, once`, async () => {
    await using directory = await temporaryDirectory();
    await using bus = await Bus.start();
    const address = `127.0.0.1:${freePort()}`;
    const environment = handlerEnvironment(bus.url, directory.path, {
      STORAGE_TYPE: "sqlite",
      AGGREGATION_INTERVAL: "86400",
      // Midnight may come meanwhile, and would close the window.
      IDLE_TIMEOUT: "86400",
      HTTP_LISTEN: address,
      ADMIN_TOKEN: TOKEN,
    });
    const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
    const order = () => fetch(`http://${address}/api/flush`, { method: "POST", headers, body: "{}" });
    const metric = async (name: string) => {
      const page = await (await fetch(`http://${address}/metrics`, { headers })).text();
      return Number(new RegExp(`^vabus_handler_${name}(?:\\{[^}]*\\})? (\\S+)$`, "m").exec(page)?.[1] ?? 0);
    };
    const received = (handler: Program) =>
      until(
        async () => await metric("open_series") >= SERIES,
        "all series",
        PATIENCE_MS,
        [handler],
      );
    const time = Date.now() / 1000;
    const texts = Array.from(
      { length: SERIES },
      (_, n) => `{"name":"n${n}","value":${n},"timestamp":${time}}`,
    );
    await bus.publish(texts);
    {
      await using handler = Program.start(["run"], environment);
      await received(handler);
      const flushed = order().then((reply) => reply.body?.cancel(), () => {});
      for (let n = 0; n < replies; n++) await (await fetch(`http://${address}/healthz`)).body?.cancel();
      await handler.kill9();
      await flushed;
    }
    const inSqlite = sqliteSink(sqlitePath(directory.path));
    await using handler = Program.start(["run"], environment);
    // What was closed before the end is delivered; the rest is still open, or comes again from the bus.
    await until(
      async () => {
        const [closed, open] = [(await inSqlite.rows()).length, await metric("open_series")];
        return closed + open >= SERIES;
      },
      "all series to be back",
      PATIENCE_MS,
      [handler],
    );
    assert.equal((await order()).status, 200);
    await arrival(inSqlite, SERIES, "SQLite", PATIENCE_MS, [handler]);
    assert.equal(await handler.stop(), 0, handler.tail());
    const rows = await inSqlite.rows();
    assert.equal(rows.length, SERIES);
    assert.ok(rows.every(({ count, name, value }) => count === 1 && name === `n${value}`));
    await assertProven(environment);
  });
}
