/**
 * A bus that is restored from a backup of its directory: the same log, other events at offsets that were
 * read.
 */
import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import {
  assertNoStackTrace,
  PATIENCE_MS,
  Program,
  runToEnd,
  temporaryDirectory,
  until,
} from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { BusProgram, handlerEnvironment, sqlitePath, sqliteSink } from "./plant.ts";

/** So small that a few thousand events are several batches. */
const BATCH_SIZE = 1000;
const TIME = Math.floor(Date.now() / 1000) - 600;

/** Events that each have a name, and so a row, of their own. */
function named(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `{"name":"${prefix}${i}","value":${i},"timestamp":${TIME}}`);
}

/** A bus on disk, which can be set back to what it was. */
class BackedUpBus implements AsyncDisposable {
  private constructor(readonly directory: string, readonly bus: BusProgram) {}

  static async start(directory: string): Promise<BackedUpBus> {
    return new BackedUpBus(directory, await BusProgram.start(`${directory}/bus`));
  }

  /** While nobody publishes, its files stay as they are. */
  async backUp(): Promise<void> {
    await cp(`${this.directory}/bus`, `${this.directory}/backup`, { recursive: true });
  }

  async restore(): Promise<void> {
    await this.bus.kill();
    await Deno.remove(`${this.directory}/bus`, { recursive: true });
    await cp(`${this.directory}/backup`, `${this.directory}/bus`, { recursive: true });
    await this.bus.restart();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bus[Symbol.asyncDispose]();
  }
}

for (
  const [what, before, lost, after] of [
    ["grown beyond what was read", 300, 200, 700],
    ["just as long again", 300, 200, 200],
    ["shorter than what was read", 300, 200, 50],
    ["empty", 0, 500, 700],
    ["as large as several batches", 2500, 1200, 3000],
  ] as const
) {
  for (const isRunning of [false, true]) {
    Deno.test(`a restored bus, ${what}, ${isRunning ? "under a running handler" : "between two calls of once"}: each event once`, async () => {
      await using directory = await temporaryDirectory();
      await using backedUp = await BackedUpBus.start(directory.path);
      const { bus } = backedUp;
      const listen = `127.0.0.1:${freePort()}`;
      const environment = handlerEnvironment(bus.url, directory.path, {
        HTTP_LISTEN: listen,
        VABUS_BATCH_SIZE: `${BATCH_SIZE}`,
      });
      const read = async (total: number, handler?: Program) => {
        if (handler === undefined) {
          const output = await runToEnd(["once"], environment);
          assert.equal(output.code, 0, output.stderr);
          assertNoStackTrace(output);
          return output.stderr;
        }
        const isRead = async () => {
          const metrics = await (await fetch(`http://${listen}/metrics`)).text();
          return Number(/^vabus_handler_events_received_total (\d+)$/m.exec(metrics)?.[1]) >= total;
        };
        await until(isRead, `${total} events`, PATIENCE_MS, [handler]);
        return undefined;
      };
      if (before > 0) await bus.publish(named("a", before));
      await backedUp.backUp();
      await using handler = isRunning ? Program.start(["run"], environment) : undefined;
      await bus.publish(named("b", lost));
      await read(before + lost, handler);
      await backedUp.restore();
      await bus.publish(named("c", after));
      const said = await read(before + lost + after, handler);
      if (handler) assert.equal(await handler.stop(), 0, handler.tail());
      // Of a handler that runs, the last lines may still be on their way.
      const lines = said ?? handler!.stderr;
      assert.match(lines, /restored from a backup\?\): going on at the last offset at which both agree/);
      assert.match(lines, new RegExp(`"going_on_at":${before}\\b`));
      assert.equal((await runToEnd(["once", "--flush"], environment)).code, 0);

      const { accounting } = JSON.parse((await runToEnd(["status", "--json"], environment)).stdout);
      assert.deepEqual([accounting.received, accounting.lost], [before + lost + after, 0]);
      const rows = await sqliteSink(sqlitePath(directory.path)).rows();
      assert.equal(rows.length, before + lost + after);
      assert.ok(rows.every(({ count }) => count === 1));
      const proof = await runToEnd(["verify"], environment);
      assert.equal(proof.code, 0, proof.stdout + proof.stderr);
    });
  }
}

Deno.test("a bus that has other events each time it is asked ends `once` with the reason", async () => {
  await using directory = await temporaryDirectory();
  let asked = 0;
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const url = new URL(request.url);
    if (url.pathname !== "/events") return new Response("{}", { status: 404 });
    const offset = Number(url.searchParams.get("offset") ?? 0);
    // At its end it says that it is shorter than what it has just given.
    if (offset >= 20) return Response.json({ log: "stamps-on-reading", first: 0, next: 15 }, { status: 416 });
    const events = Array.from(
      { length: Math.min(20 - offset, Number(url.searchParams.get("limit"))) },
      () => ({ name: "stamped", value: asked++, timestamp: TIME }),
    );
    return Response.json({ log: "stamps-on-reading", offset, next: offset + events.length, events });
  });
  const environment = handlerEnvironment(`http://127.0.0.1:${server.addr.port}`, directory.path);
  const once = await runToEnd(["once"], environment);
  assert.equal(once.code, 75, once.stderr);
  assert.match(once.stderr, /each time it is asked, it has other events/);
  assertNoStackTrace(once);
});
