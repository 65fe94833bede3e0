/** How a client runs statements, gives them up and ends, without a PostgreSQL. */
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { SinkError } from "../../../src/contract/sink.ts";
import { PostgresClient } from "../../../src/sinks/postgres/postgres_client.ts";
import type { PostgresHost } from "../../../src/sinks/postgres/postgres_connection.ts";
import type { Sql } from "../../../src/sinks/postgres/postgres_driver.ts";
import { QUIET } from "../../contract/sink_samples.ts";
import { postgresConnection } from "../../support/postgres_connection.ts";
import { FakeSocket } from "../fake_socket.ts";
import { errorOf } from "./scripted_session.ts";

const NEVER = new AbortController().signal;
/** Nobody connects to it. */
const PORT = 5432;
const HOST: PostgresHost = { host: "db", address: undefined, port: PORT };

function clientOf(hosts = "db", attempt = 0): PostgresClient {
  return new PostgresClient(postgresConnection(`postgres://u@${hosts}/d`), attempt, QUIET);
}

/** A client of a server whose connection is this driver. `opened` counts the connections. */
function clientWith(sql: object, host = HOST) {
  const client = clientOf();
  const seen = { opened: 0, closed: 0 };
  const servers = {
    addresses: "db:5432",
    openMaxMs: 60_000,
    open: () => {
      seen.opened++;
      return Promise.resolve({ sql: sql as Sql, host });
    },
    close: () => Promise.resolve(void seen.closed++),
  };
  Object.assign(client, { servers });
  return { client, seen };
}

/** A driver whose transactions are other drivers. `ends` notes what each has ended with. */
function driver(rollBack: (error: unknown) => unknown = (error) => error) {
  const ends: unknown[] = [];
  const transaction = { name: "transaction" };
  const sql = {
    name: "connection",
    begin: async (work: (transaction: unknown) => Promise<unknown>) => {
      try {
        return await work(transaction);
      } catch (error) {
        ends.push(error);
        throw rollBack(error);
      }
    },
  };
  return { sql, ends };
}

const nameOf = (sql: Sql) => Promise.resolve((sql as unknown as { name: string }).name);
const driverError = () =>
  Object.assign(new Error("it was refused"), { name: "PostgresError", code: "42501" });

Deno.test("each client begins with another one of several servers", () => {
  const orders = [0, 1, 2, 3].map((attempt) => clientOf("a:1,b:2,c:3", attempt)["servers"].addresses);
  assert.deepEqual(orders, ["a:1, b:2, c:3", "b:2, c:3, a:1", "c:3, a:1, b:2", "a:1, b:2, c:3"]);
});

Deno.test("statements share one connection, and each has its own bound of the answer", async () => {
  const { client, seen } = clientWith(driver().sql);
  const bounds: number[] = [];
  const ask = (...bound: [number?]) =>
    client.query("a question", NEVER, (sql) => {
      bounds.push(client["answer"].maxBytes);
      return nameOf(sql);
    }, ...bound);
  assert.equal(await ask(), "connection");
  assert.equal(await ask(7), "connection");
  await ask();
  assert.equal(seen.opened, 1);
  assert.deepEqual(bounds, [bounds[0], 7, bounds[0]]);
});

Deno.test("an error of the driver tells the server and the statement, one of the sink passes as it is", async () => {
  const { client } = clientWith(driver().sql);
  const refused = await errorOf(client.query("the rows", NEVER, () => Promise.reject(driverError())));
  assert.match(refused.message, /db:5432.*\(?the rows\)?.*it was refused/);
  const own = new SinkError("misconfigured", "no such table");
  assert.equal(await errorOf(client.query("the rows", NEVER, () => Promise.reject(own))), own);
  const late = await errorOf(client.query("the rows", AbortSignal.abort(), nameOf));
  assert.deepEqual([late.kind, late.message], [
    "unavailable",
    "PostgreSQL at db:5432 (the connection) was interrupted.",
  ]);
});

/** What a server hears of a statement that is given up while this backend works on it. */
async function heardOf(backend: object | undefined, isSocketFile: boolean): Promise<number[]> {
  const directory = await Deno.makeTempDir({ prefix: "vabus-cancel-" });
  const heard = Promise.withResolvers<number[]>();
  const server = createServer((socket) => {
    const bytes: number[] = [];
    socket.on("data", (piece) => bytes.push(...piece)).on("end", () => {
      socket.end();
      heard.resolve(bytes);
    });
  });
  try {
    const at = isSocketFile ? { path: `${directory}/.s.PGSQL.5432` } : { port: 0, host: "127.0.0.1" };
    await new Promise<void>((resolve) => server.listen(at, resolve));
    const address = server.address();
    const host = typeof address === "string"
      ? { host: directory, address: undefined, port: PORT }
      : { host: "db.invalid", address: "127.0.0.1", port: address!.port };
    const { client } = clientWith({}, host);
    const stop = new AbortController();
    const statement = client.query("the rows", stop.signal, () => {
      queueMicrotask(() => stop.abort());
      return Object.assign(new Promise<void>(() => {}), { state: backend });
    });
    const name = isSocketFile ? `${directory}/.s.PGSQL.5432` : `db.invalid:${host.port}`;
    assert.equal((await errorOf(statement)).message, `PostgreSQL at ${name} (the rows) was interrupted.`);
    if (client["sockets"].size === 0) return [];
    const bytes = await heard.promise;
    await client.close();
    return bytes;
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("the server is asked to cancel a statement that is given up, where it works on it", async () => {
  const packet = [0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 1, 2, 0, 0, 3, 4];
  for (const isSocketFile of [false, true]) {
    assert.deepEqual(await heardOf({ pid: 258, secret: 772 }, isSocketFile), packet);
  }
  for (const idle of [undefined, null, { pid: null, secret: null }]) {
    assert.deepEqual(await heardOf(idle as object | undefined, false), [], "it was not sent yet");
  }
});

Deno.test("a rehearsal runs in a transaction that is rolled back, and only what is in it does", async () => {
  const { sql, ends } = driver();
  const { client } = clientWith(sql);
  const rehearsed = await client.rehearse(NEVER, async () => {
    return [await client.query("one", NEVER, nameOf), await client.query("two", NEVER, nameOf)];
  });
  assert.deepEqual(rehearsed, ["transaction", "transaction"]);
  assert.equal(ends.length, 1, "it did not end well, so nothing of it is kept");
  assert.equal(await client.query("three", NEVER, nameOf), "connection");
});

Deno.test("a rehearsal that fails tells its first error, and the next statement is outside of it", async () => {
  const own = new SinkError("misconfigured", "no right");
  const fails = () => Promise.reject(own);
  const { client } = clientWith(driver().sql);
  assert.equal(await errorOf(client.rehearse(NEVER, fails)), own);
  assert.equal(await client.query("a question", NEVER, nameOf), "connection");
  const { client: torn } = clientWith(driver(() => new Error("the rollback failed")).sql);
  assert.equal(await errorOf(torn.rehearse(NEVER, fails)), own);
  const unwilling = { begin: () => Promise.reject(driverError()) };
  const refused = await errorOf(clientWith(unwilling).client.rehearse(NEVER, fails));
  assert.match(refused.message, /db:5432.*a transaction.*it was refused/);
  const unended = await errorOf(torn.rehearse(NEVER, () => Promise.resolve(1)));
  assert.match(unended.message, /^PostgreSQL at db:5432 .*the rollback failed/);
  const silent = clientWith({ begin: () => new Promise(() => {}) }).client;
  const stop = new AbortController();
  const waiting = silent.rehearse(stop.signal, fails);
  await Promise.resolve();
  await Promise.resolve();
  stop.abort();
  assert.match((await errorOf(waiting)).message, /^PostgreSQL at db:5432 \(.*\) was interrupted\.$/);
});

Deno.test("a client that closes leaves no socket open, not even one that comes later", async () => {
  const { client, seen } = clientWith({});
  const [open, gone, late] = [new FakeSocket(), new FakeSocket(), new FakeSocket()];
  client["keep"](open.asSocket);
  client["keep"](gone.asSocket);
  assert.equal(open.destroyed, false);
  gone.emit("close");
  await client.close();
  assert.deepEqual([open.destroyed, gone.destroyed, seen.closed], [true, false, 1]);
  client["keep"](late.asSocket);
  assert.equal(late.destroyed, true);
});
