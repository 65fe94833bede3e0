/** Several buses, each an ordered log of its own, aggregated as one. */
import assert from "node:assert/strict";
import { PATIENCE_MS, Program, runToEnd, temporaryDirectory, until } from "../support/executable.ts";
import { eventStream, recentBaseMs, type StreamEvent } from "../support/event_stream.ts";
import { Oracle } from "../support/oracle.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";
import {
  arrival,
  Bus,
  BusProgram,
  handlerEnvironment,
  INSTANCE,
  observed,
  sqlitePath,
  sqliteSink,
} from "./plant.ts";
import { assertExact, assertProven } from "./proof.ts";

const WINDOW_MS = 60_000;
const WINDOWS = 6;

/** Functions whose result does not depend on how the buses' events interleave. */
const ORDER_FREE = ["sum", "avg", "min", "max", "count", "stddev", "p99"];

Deno.test("two buses with the same names become one set of aggregates", async () => {
  await using directory = await temporaryDirectory();
  await using one = await Bus.start();
  await using other = await Bus.start();
  const oracle = new Oracle(WINDOW_MS);
  await one.publish(observed(streamOf(51), oracle));
  await other.publish(observed(streamOf(52), oracle));
  const environment = handlerEnvironment(`${one.url},${other.url}`, directory.path);
  await using handler = Program.start(["run"], environment);
  const inSqlite = sqliteSink(sqlitePath(directory.path));
  await arrival(inSqlite, oracle.counts.aggregated, "SQLite", PATIENCE_MS, [handler]);
  assert.equal(await handler.stop(), 0, handler.tail());
  await assertExact(oracle, environment);
});

Deno.test("a bus that is away holds windows open for MAX_WAIT; what it brings later corrects them", async () => {
  await using directory = await temporaryDirectory();
  await using present = await Bus.start();
  await using absent = await BusProgram.start(`${directory.path}/bus`);
  const oracle = new Oracle(WINDOW_MS);
  await absent.publish(observed(streamOf(53), oracle));
  await absent.kill();
  const early = new Oracle(WINDOW_MS);
  const both = { add: (event: StreamEvent) => (oracle.add(event), early.add(event)) };
  await present.publish(observed(streamOf(54), both));
  const environment = handlerEnvironment(`${present.url},${absent.url}`, directory.path, { MAX_WAIT: "2" });
  await using handler = Program.start(["run"], environment);
  const inSqlite = sqliteSink(sqlitePath(directory.path));
  await arrival(inSqlite, early.counts.aggregated, "SQLite", PATIENCE_MS, [handler]);
  early.assertRows(await inSqlite.rows(), "SQLite, before the other bus is back", INSTANCE);
  await absent.restart();
  await arrival(inSqlite, oracle.counts.aggregated, "SQLite", PATIENCE_MS, [handler]);
  assert.equal(await handler.stop(), 0, handler.tail());
  const rows = await inSqlite.rows();
  oracle.assertRows(rows, "SQLite", INSTANCE);
  assert.ok(rows.some((row) => row.revision > 0), "nothing was corrected");
});

Deno.test("a bus that was reset is read from its beginning, with an error in the log", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await BusProgram.start();
  const environment = handlerEnvironment(bus.url, directory.path);
  await using handler = Program.start(["run"], environment);
  const inSqlite = sqliteSink(sqlitePath(directory.path));
  const event = (value: number) => `{"name":"kept","value":${value},"timestamp":${time}}`;
  const time = Math.floor(Date.now() / 1000) - 600;
  await bus.publish([event(1), event(2), event(4)]);
  await until(async () => await inSqlite.sumOfCounts() === 3, "the first log", PATIENCE_MS, [handler]);
  // In memory: another start is another log.
  await bus.kill();
  await bus.restart();
  await bus.publish([event(8)]);
  await until(async () => await inSqlite.sumOfCounts() === 4, "the second log", PATIENCE_MS, [handler]);
  assert.equal((await inSqlite.rows())[0]!.value, 15);
  assert.equal(await handler.stop(), 0, handler.tail());
  assert.match(handler.stderr, /"level":"error"/);
});

Deno.test("buses that exchange their addresses, while the handler runs and while it does not, are read on by their logs", async () => {
  await using directory = await temporaryDirectory();
  await using one = await Bus.start();
  await using other = await Bus.start();
  await using first = TcpProxy.start();
  await using second = TcpProxy.start();
  const leadTo = (ahead: Bus, behind: Bus) => {
    for (const [address, bus] of [[first, ahead], [second, behind]] as const) {
      address.cut();
      address.leadTo(Number(new URL(bus.url).port));
      address.mend();
    }
  };
  const time = Math.floor(Date.now() / 1000) - 600;
  const event = (value: number) => `{"name":"moved","value":${value},"timestamp":${time}}`;
  const environment = handlerEnvironment(`http://${first.address},http://${second.address}`, directory.path);
  const inSqlite = sqliteSink(sqlitePath(directory.path));
  leadTo(one, other);
  await one.publish([event(1), event(2), event(4)]);
  await other.publish([event(8)]);
  {
    await using handler = Program.start(["run"], environment);
    await until(async () => await inSqlite.sumOfCounts() === 4, "both logs", PATIENCE_MS, [handler]);
    leadTo(other, one);
    await one.publish([event(16)]);
    await other.publish([event(32), event(64)]);
    await until(async () => await inSqlite.sumOfCounts() === 7, "both logs again", PATIENCE_MS, [handler]);
    assert.equal(await handler.stop(), 0, handler.tail());
    assert.match(handler.stderr, /exchanged their addresses/);
  }
  leadTo(one, other);
  await one.publish([event(128)]);
  await other.publish([event(256)]);
  const { code, stderr } = await runToEnd(["once", "--flush"], environment);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /exchanged their addresses/);
  assert.equal(await inSqlite.sumOfCounts(), 9);
  assert.equal((await inSqlite.rows())[0]!.value, 511);
  await assertProven(environment);
});

function streamOf(seed: number): Generator<StreamEvent> {
  return eventStream({
    seed,
    eventCount: 20_000,
    nameCount: 50,
    baseMs: recentBaseMs(WINDOW_MS, WINDOWS),
    windowSizeMs: WINDOW_MS,
    windowCount: WINDOWS,
    functions: ORDER_FREE,
  });
}
