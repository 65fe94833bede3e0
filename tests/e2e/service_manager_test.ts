/** What a service manager hears from the executable, over a real socket. */
import assert from "node:assert/strict";
import { PATIENCE_MS, Program, temporaryDirectory, until } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { NotifyListener } from "../support/notify_listener.ts";
import { Bus, BusProgram, handlerEnvironment } from "./plant.ts";

/** 0.4 s: fed every 0.2 s. */
const WATCHDOG_USEC = "400000";

Deno.test("ready, status, watchdog and stopping reach the service manager, even while bus and sink are away", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await BusProgram.start();
  await using manager = NotifyListener.listen(`${directory.path}/notify`);
  const environment = handlerEnvironment(bus.url, directory.path, {
    NOTIFY_SOCKET: manager.name,
    WATCHDOG_USEC,
    STORAGE_TYPE: "sqlite,postgres",
    POSTGRES_CONNECTION_STRING: `postgres://plant@127.0.0.1:${freePort()}/plant`,
  });
  await using handler = Program.start(["run"], environment);
  await manager.more("WATCHDOG", 3);
  assert.equal(manager.heard[0]!.READY, "1");
  assert.equal(manager.count("READY"), 1);
  await until(() => manager.latest("STATUS")?.includes("sink_unavailable"), "the sink in the status");

  await bus.kill();
  await until(() => manager.latest("STATUS")?.includes("bus_unavailable"), "the bus in the status");
  await manager.more("WATCHDOG", 5);

  assert.equal(await handler.stop(), 0, handler.tail());
  assert.equal(manager.count("STOPPING"), 1);
  assert.equal(manager.heard.at(-1)!.STOPPING, "1");
});

Deno.test("a handler that listens is ready, and says that it has started, once others can connect to it", async () => {
  await using directory = await temporaryDirectory();
  await using manager = NotifyListener.listen(`${directory.path}/notify`);
  const port = freePort();
  await using handler = Program.start(
    ["run"],
    handlerEnvironment(`listen://127.0.0.1:${port}`, directory.path, { NOTIFY_SOCKET: manager.name }),
  );
  await manager.more("READY", 1);
  const reply = await fetch(`http://127.0.0.1:${port}/ping`);
  await reply.body?.cancel();
  assert.equal(reply.status, 204);
  await handler.says(/"started"/);
  assert.match(handler.stderr, /"listening for events"[^]*"started"/);
});

Deno.test("a socket outside of the file system is served too", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  await using manager = NotifyListener.listen(`@vabus-test-${crypto.randomUUID()}`);
  await using handler = Program.start(
    ["run"],
    handlerEnvironment(bus.url, directory.path, { NOTIFY_SOCKET: manager.name }),
  );
  await until(() => manager.latest("STATUS")?.startsWith("works"), "the status to be good", PATIENCE_MS, [
    handler,
  ]);
  assert.equal(manager.count("WATCHDOG"), 0);
  assert.equal(await handler.stop(), 0, handler.tail());
  assert.equal(manager.count("STOPPING"), 1);
});

Deno.test("a service manager that is gone does not keep the service from working", async () => {
  await using directory = await temporaryDirectory();
  await using bus = await Bus.start();
  await using handler = Program.start(
    ["run"],
    handlerEnvironment(bus.url, directory.path, {
      NOTIFY_SOCKET: `${directory.path}/gone`,
      WATCHDOG_USEC,
    }),
  );
  await until(() => handler.stderr.includes("NOTIFY_SOCKET"), "a word in the log", PATIENCE_MS, [handler]);
  assert.equal(await handler.stop(), 0, handler.tail());
});
