/** One suite over all sources. */
import { startBus } from "../../src/bus/server.ts";
import { FileSource } from "../../src/sources/file/file_source.ts";
import { StdinSource } from "../../src/sources/file/stdin_source.ts";
import { FormatReaders } from "../../src/sources/listen/format_readers.ts";
import { Inbox } from "../../src/sources/listen/inbox.ts";
import { InboxPartition } from "../../src/sources/listen/inbox_partition.ts";
import { BusConnection } from "../../src/sources/vabus/bus_connection.ts";
import { LogClient } from "../../src/sources/vabus/log_client.ts";
import { LogSource } from "../../src/sources/vabus/log_source.ts";
import { QueueClient } from "../../src/sources/vabus/queue_client.ts";
import { QueueSource } from "../../src/sources/vabus/queue_source.ts";
import { MemorySource } from "../ingest/rig.ts";
import { createMqttSource } from "../sources/mqtt/rig.ts";
import { KafkaTopic } from "../sources/kafka/kafka_topic.ts";
import { runOf } from "../sources/listen/runs.ts";
import { NatsStream } from "../sources/nats/nats_stream.ts";
import { RedisStream } from "../sources/redis/redis_stream.ts";
import { Dice } from "../sim/dice.ts";
import type { SimEvent } from "../sim/plant.ts";
import type { FaultRates } from "../sim/scenario.ts";
import { Lifetime, Scheduler } from "../sim/scheduler.ts";
import { SimBus } from "../sim/sim_bus.ts";
import { Trace } from "../sim/trace.ts";
import { MosquittoServer } from "../support/mosquitto_server.ts";
import { MqttPublisher } from "../support/mqtt_publisher.ts";
import { testSeed } from "../support/seed.ts";
import { NatsServerProcess } from "../support/nats_server.ts";
import { RedisServerProcess } from "../support/redis_server.ts";
import { sharedKafka } from "../support/shared_servers.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";
import { AcknowledgedBus } from "./toy/acknowledged_bus.ts";
import { PartedBus } from "./toy/parted_bus.ts";
import { ToySource } from "./toy/toy_source.ts";
import { type TestBus, testSourceContract } from "./source_contract.ts";
import { Reading } from "./source_reading.ts";
import { SILENT } from "../support/logs.ts";

const QUIET = SILENT;
const SEED = testSeed(1);
/** Events that a bus keeps. */
const ROOM = 20;

const eventText = (number: number) => JSON.stringify({ name: `e${number}`, value: number, timestamp: 1000 });

/** The reference bus behind a proxy that can cut connections and answer itself. */
function vabusBus(createSource: (connection: BusConnection) => ReturnType<TestBus["createSource"]>) {
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
      speaksHttp: true,
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
  testSourceContract(t, vabusBus((connection) => new LogSource(new LogClient(connection, "contract")))));

Deno.test("the queue of a VaBus keeps the contract of sources", (t) =>
  testSourceContract(t, async () => {
    const bus = await vabusBus((connection) => new QueueSource(new QueueClient(connection)))();
    // A queue has no history and does not report dropped events.
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

Deno.test("the bus of the simulation keeps the contract of sources", (t) =>
  testSourceContract(t, () => {
    const scheduler = new Scheduler();
    const bus = new SimBus("sim", scheduler, new Dice(SEED), new Trace(scheduler, false), () => undefined);
    const lifetime = new Lifetime();
    // Nothing goes wrong.
    const rates = () => new Proxy({} as FaultRates, { get: () => 0 });
    const sent = () => ({ offset: undefined, log: bus.log, isLook: false, isVoid: false });
    const watcher = { crashPoint: () => {}, sends: sent, looks: sent, heard: () => {} };
    let [published, isOver] = [0, false];
    const publish = (count: number) => {
      for (let i = 0; i < count; i++) {
        const name = `e${published}`;
        const text = eventText(published++);
        bus.publish({ text, kind: "good", isChancy: false, name } as SimEvent);
      }
      return Promise.resolve();
    };
    // Simulated time goes on until the bus is removed.
    const tick = () => void scheduler.after(1, tick);
    tick();
    const running = scheduler.run(() => isOver);
    return Promise.resolve({
      createSource: () => new LogSource(bus.connect(rates, watcher, lifetime)),
      publish,
      forgetBefore: async (event) => {
        if (published < event) await publish(event - published);
        bus.trimTo(event);
      },
      restart: () => Promise.resolve(bus.reset()),
      rollBackTo: (event) => Promise.resolve(bus.rollBackTo(event)),
      remove: () => {
        isOver = true;
        return running;
      },
    });
  }));

for (const isFollowed of [false, true]) {
  Deno.test(`a file, ${isFollowed ? "followed" : "read to its end"}, keeps the contract of sources`, (t) =>
    testSourceContract(t, async () => {
      const file = await Deno.makeTempFile({ prefix: "vabus-file-" });
      let published = 0;
      return {
        createSource: () => new FileSource(`file://${file}`, file, { reader: undefined, isFollowed }),
        publish: async (count) => {
          const lines = Array.from({ length: count }, () => `${eventText(published++)}\n`);
          await Deno.writeTextFile(file, lines.join(""), { append: true });
        },
        remove: () => Deno.remove(file),
      };
    }));
}

Deno.test("stdin keeps the contract of sources", (t) =>
  testSourceContract(t, () => {
    const lines: string[] = [];
    let published = 0;
    // As a terminal, that ends whenever there is nothing, and may go on.
    const read = () => {
      const text = lines.shift();
      return Promise.resolve(text === undefined ? undefined : new TextEncoder().encode(text));
    };
    return Promise.resolve({
      createSource: () => new StdinSource("stdin:", { read, isTerminal: true }, undefined, true),
      publish: (count) => {
        for (let i = 0; i < count; i++) lines.push(`${eventText(published++)}\n`);
        return Promise.resolve();
      },
      remove: () => Promise.resolve(),
    });
  }));

Deno.test("the inbox of a listener keeps the contract of sources", (t) =>
  testSourceContract(t, async () => {
    const directory = await Deno.makeTempDir({ prefix: "vabus-inbox-" });
    const inbox = Inbox.open(`${directory}/inbox.sqlite`, 1_000_000);
    let published = 0;
    return {
      // The contract has two sources of one bus at a time, and an inbox is one process's.
      createSource: () => ({
        id: "listen",
        open: (context) => Promise.resolve([new InboxPartition(inbox, new FormatReaders({}), context)]),
        probe: () => Promise.resolve("an inbox"),
        close: () => Promise.resolve(),
      }),
      publish: async (count) => {
        for (let i = 0; i < count; i++) await inbox.append([runOf(eventText(published++))], 0);
      },
      forgetBefore: async (event) => {
        while (published < event) await inbox.append([runOf(eventText(published++))], 0);
        inbox.release(event);
        await inbox.append([], 0);
      },
      remove: async () => {
        inbox.close();
        await Deno.remove(directory, { recursive: true });
      },
    };
  }));

Deno.test("a topic of Kafka keeps the contract of sources", async (t) => {
  const broker = await sharedKafka();
  try {
    await testSourceContract(t, async () => {
      const topic = await KafkaTopic.create(broker.brokers);
      let published = 0;
      const publish = (count: number) =>
        topic.send(Array.from({ length: count }, () => ({ value: eventText(published++) })));
      // Offsets begin anew with each history.
      let first = 0;
      return {
        createSource: () => topic.createSource(),
        publish,
        forgetBefore: async (event) => {
          if (published < event) await publish(event - published);
          await topic.trim(event - first);
        },
        restart: async () => {
          await topic.makeAgain();
          first = published;
        },
        remove: () => topic.remove(),
      };
    });
  } finally {
    await broker.remove();
  }
});

/** A proxy to the server on that port, and the faults of a connection that it can cause. */
function proxyTo(port: number) {
  const proxy = TcpProxy.start();
  proxy.leadTo(port);
  return {
    proxy,
    answerOnce(bytes: Uint8Array): void {
      proxy.cut();
      proxy.mend();
      proxy.answerOnce(bytes);
    },
    goAway: () => Promise.resolve(proxy.cut()),
  };
}

Deno.test("a stream of Redis keeps the contract of sources", async (t) => {
  await using server = await RedisServerProcess.start();
  await testSourceContract(t, async () => {
    const stream = await RedisStream.create(server);
    let published = 0;
    const publish = (count: number) =>
      stream.add(...Array.from({ length: count }, () => JSON.parse(eventText(published++))));
    const { proxy, ...faults } = proxyTo(server.port);
    const endpoint = { kind: "server", address: { host: "127.0.0.1", port: proxy.port } } as const;
    return {
      createSource: () => stream.createSource({ endpoint }),
      publish,
      forgetBefore: async (event) => {
        if (published < event) await publish(event - published);
        await stream.trimTo(published - event);
      },
      restart: () => stream.makeAgain(),
      ...faults,
      remove: async () => {
        await proxy[Symbol.asyncDispose]();
        await stream.remove();
      },
    };
  });
});

for (const qos of [1, 2] as const) {
  Deno.test(`a session of an MQTT broker with QoS ${qos} keeps the contract of sources`, async (t) => {
    const broker = await MosquittoServer.start();
    let sessions = 0;
    try {
      await testSourceContract(t, async () => {
        const { goAway, proxy } = proxyTo(broker.port);
        const topic = `contract/${qos}/${sessions++}`;
        const createSource = () => createMqttSource(proxy.port, topic, { filters: [topic], qos });
        // A broker keeps what is published only from the subscription on.
        const first = createSource();
        await (await Reading.open(first)).read();
        await first.close();
        const publisher = await MqttPublisher.connect(broker.port);
        let published = 0;
        return {
          createSource,
          publish: (count) =>
            publisher.publish(
              Array.from({ length: count }, () => ({ topic, payload: eventText(published++), qos })),
            ),
          goAway,
          remove: async () => {
            await publisher[Symbol.asyncDispose]();
            await proxy[Symbol.asyncDispose]();
          },
        };
      });
    } finally {
      await broker.remove();
    }
  });
}

Deno.test("a stream of NATS keeps the contract of sources", async (t) => {
  await using server = await NatsServerProcess.start();
  await testSourceContract(t, async () => {
    const stream = await NatsStream.create(server);
    let published = 0;
    // Sequences begin anew with each history.
    let first = 0;
    const publish = (count: number) =>
      stream.publish(...Array.from({ length: count }, () => ({ body: eventText(published++) })));
    const { proxy, ...faults } = proxyTo(server.port);
    const servers = [{ host: "127.0.0.1", port: proxy.port }];
    return {
      createSource: () => stream.createSource({ servers }),
      publish,
      forgetBefore: async (event) => {
        if (published < event) await publish(event - published);
        await stream.trimBefore(event - first + 1);
      },
      restart: async () => {
        await stream.makeAgain();
        first = published;
      },
      ...faults,
      remove: async () => {
        await proxy[Symbol.asyncDispose]();
        await stream.remove();
      },
    };
  });
});

Deno.test("the toy source keeps the contract of sources", (t) =>
  testSourceContract(t, async () => {
    const file = await Deno.makeTempFile({ prefix: "vabus-toy-" });
    let published = 0;
    return {
      createSource: () => new ToySource({ url: `toy://me:swordfish@here${encodeURI(file)}`, pace: 1000 }),
      publish: async (count) => {
        const lines = Array.from({ length: count }, () => `${eventText(published++)}\n`);
        await Deno.writeTextFile(file, lines.join(""), { append: true });
      },
      remove: () => Deno.remove(file),
    };
  }));

Deno.test("a source whose partitions come and go keeps the contract of sources", (t) =>
  testSourceContract(t, () => {
    const bus = new PartedBus("parted://bus", "first");
    let published = 0;
    const publishIn = (id: string, count: number) => {
      for (let i = 0; i < count; i++) bus.publish(id, JSON.parse(eventText(published++)));
      return Promise.resolve();
    };
    return Promise.resolve({
      createSource: () => bus.createSource(),
      publish: (count) => publishIn("first", count),
      publishIn,
      change: (...ids) => Promise.resolve(bus.change(...ids)),
      goAway: () => {
        bus.isAway = true;
        return Promise.resolve();
      },
      remove: () => Promise.resolve(),
    });
  }));

Deno.test("a source of a bus with acknowledgements keeps the contract of sources", (t) =>
  testSourceContract(t, () => {
    const bus = new AcknowledgedBus();
    let published = 0;
    return Promise.resolve({
      createSource: () => bus.createSource(),
      publish: (count) => {
        for (let i = 0; i < count; i++) bus.publish(JSON.parse(eventText(published++)));
        return Promise.resolve();
      },
      remove: () => Promise.resolve(),
    });
  }));
