/** One suite over all sources. */
import { startBus } from "../../src/bus/server.ts";
import { createLogger } from "../../src/platform/log/logger.ts";
import { BusConnection } from "../../src/sources/vabus/bus_connection.ts";
import { LogClient } from "../../src/sources/vabus/log_client.ts";
import { LogSource } from "../../src/sources/vabus/log_source.ts";
import { QueueClient } from "../../src/sources/vabus/queue_client.ts";
import { QueueSource } from "../../src/sources/vabus/queue_source.ts";
import { MemorySource } from "../ingest/rig.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";
import { type TestBus, testSourceContract } from "./source_contract.ts";

const QUIET = createLogger({ level: "error", format: "text", write: () => {}, now: () => 0 });
/** Events that a bus keeps. */
const ROOM = 20;

const eventText = (number: number) => JSON.stringify({ name: `e${number}`, value: number, timestamp: 1000 });

/** The reference bus, on a wire that can be cut and answer by itself. */
function testVabus(createSource: (connection: BusConnection) => ReturnType<TestBus["createSource"]>) {
  const start = () =>
    startBus({
      hostname: "127.0.0.1",
      port: 0,
      store: { kind: "memory" },
      maxEvents: ROOM,
      maxBytes: 1_000_000,
      whenFull: "drop-oldest",
      consumerExpiryMs: 3_600_000,
      allowedHosts: [],
      logger: QUIET,
    });
  return (): Promise<TestBus> => {
    let bus = start();
    let published = 0;
    const proxy = TcpProxy.start();
    proxy.leadTo(bus.port);
    const publish = async (count: number) => {
      const body = `[${Array.from({ length: count }, () => eventText(published++))}]`;
      const headers = { "content-type": "application/json" };
      const reply = await fetch(`${bus.url}/events`, { method: "POST", body, headers });
      await reply.body?.cancel();
      if (reply.status !== 202) throw new Error(`publishing: ${reply.status}`);
    };
    const url = `http://${proxy.address}`;
    return Promise.resolve({
      createSource: () =>
        createSource(new BusConnection({ url, proxy: undefined, token: undefined, tls: undefined })),
      publish,
      forgetBefore: async (event) => {
        while (published < event + ROOM) await publish(1);
      },
      restart: async () => {
        await bus.close();
        bus = start();
        proxy.cut();
        proxy.leadTo(bus.port);
        proxy.mend();
      },
      answerOnce: (bytes) => proxy.answerOnce(bytes),
      goAway: () => {
        proxy.cut();
        return Promise.resolve();
      },
      remove: async () => {
        await proxy[Symbol.asyncDispose]();
        await bus.close();
      },
    });
  };
}

Deno.test("the log of a VaBus keeps the contract of sources", (t) =>
  testSourceContract(t, testVabus((connection) => new LogSource(new LogClient(connection, "contract")))));

Deno.test("the queue of a VaBus keeps the contract of sources", (t) =>
  testSourceContract(t, async () => {
    const bus = await testVabus((connection) => new QueueSource(new QueueClient(connection)))();
    // It has no history, and says nothing of what it drops.
    const { forgetBefore: _, restart: __, ...rest } = bus;
    return rest;
  }));

Deno.test("the log in memory that other tests use keeps the contract of sources", (t) =>
  testSourceContract(t, () => {
    const bus = new MemorySource();
    let [published, histories] = [0, 0];
    const publish = (count: number) => {
      for (let i = 0; i < count; i++) bus.publish(eventText(published++));
      return Promise.resolve();
    };
    return Promise.resolve({
      createSource: () => new LogSource(bus),
      publish,
      forgetBefore: async (event) => {
        if (published < event) await publish(event - published);
        bus.trim(event - bus.first);
      },
      restart: () => {
        bus.log = `log ${++histories}`;
        bus.first = 0;
        bus.events = [];
        return Promise.resolve();
      },
      rollBackTo: (event) => {
        bus.events.length = event - bus.first;
        return Promise.resolve();
      },
      remove: () => Promise.resolve(),
    });
  }));
