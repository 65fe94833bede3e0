/** Brokers that lie, are slow or go away in the middle, and records that take much memory. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { type Clock, systemClock } from "../../../src/platform/clock/clock.ts";
import { SourceError, type SourceErrorKind } from "../../../src/contract/source.ts";
import { events, namesOf, Reading } from "../../contract/source_reading.ts";
import { PATIENCE_MS, until } from "../../support/executable.ts";
import { freePort } from "../../support/free_port.ts";
import { type BatchHead, batchOf, eventRecords } from "./batches.ts";
import { type Answers, FakeBroker } from "./fake_broker.ts";

const GZIP = 1;
const SNAPPY = 2;
const OUT_OF_RANGE = 1;
/** Between two looks of a source for other leaders. */
const LOOK_MS = 5000;
const BEYOND_PORTS = 70_000;
const NEVER = new AbortController().signal;

/** The batch of the events from e0 to e4, in this or that way. */
const five = (head: BatchHead = {}, compress?: (records: Uint8Array) => Uint8Array) =>
  batchOf(eventRecords(0, 5), head, compress);

const headersOf = (bytes: number) => [["h", "x".repeat(bytes)]] as const;

function damaged(batch: Buffer): Buffer {
  batch[100]! ^= 1;
  return batch;
}

function refused(kind: SourceErrorKind, message: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof SourceError, String(error));
    assert.match(error.message, message);
    assert.equal(error.kind, kind);
    return true;
  };
}

/** A test with a broker that has five events. */
function brokerTest(name: string, test: (broker: FakeBroker) => Promise<void>): void {
  Deno.test(name, async () => {
    await using broker = await FakeBroker.start();
    Object.assign(broker.answers, { end: 5, batches: (offset: number) => offset < 5 ? [five()] : [] });
    await test(broker);
  });
}

async function withReading(
  broker: FakeBroker,
  test: (reading: Reading) => Promise<void>,
  clock: Clock = systemClock,
): Promise<void> {
  const source = broker.createSource({ clock });
  try {
    await test(await Reading.open(source, undefined, { clock }));
  } finally {
    await source.close();
  }
}

/** What a broker may say instead of the truth, and what the reader says of it. */
const LIES: Readonly<Record<string, readonly [Partial<Answers>, RegExp]>> = {
  "a byte of a batch is another one": [
    { batches: () => [damaged(five())] },
    /whose checksum is another one.*kafka-delete-records\.sh/,
  ],
  "offsets go backwards": [
    { batches: () => [batchOf(eventRecords(0, 2)), five()] },
    /offsets that were not asked for/,
  ],
  "a batch ends beyond the end": [{ fetchedEnd: 3 }, /up to offset 4, and says that it ends at 3/],
  "a batch has more records than it counts": [
    { batches: () => [five({ count: 3 })] },
    /more records than it counts/,
  ],
  "a batch has fewer records than it counts": [
    { batches: () => [five({ count: 7, lastDelta: 9 })], end: 10 },
    /cut off/,
  ],
  "a count that no batch can have": [
    { batches: () => [five({ count: 2 ** 31 - 1 })] },
    /contradict each other/,
  ],
  "records have offsets of another batch": [
    { batches: () => [batchOf([{ offsetDelta: 9 }], { lastDelta: 4 })] },
    /contradict those of their batch/,
  ],
  "a compression that there is not": [{ batches: () => [five({ attributes: 7 })] }, /unknown compression/],
  "a compression that it is not": [
    { batches: () => [five({ attributes: GZIP })] },
    /compressed with gzip that cannot/,
  ],
  "a batch that would become 3 GB": [
    {
      batches: () => [five({ attributes: SNAPPY }, () => Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0b, 0))],
    },
    /would have 3221225471 bytes uncompressed, and 134217728 are read/,
  ],
  "a million aborted transactions": [
    { abortedCount: 1_000_000 },
    /1000000 elements where there are 100000 at most/,
  ],
};

for (const [lie, [answers, message]] of Object.entries(LIES)) {
  brokerTest(`${lie}: it is said, and nothing is passed over`, async (broker) => {
    const truth = { ...broker.answers };
    await withReading(broker, async (reading) => {
      Object.assign(broker.answers, answers);
      const read: string[] = [];
      await assert.rejects(async () => {
        // What lies before the fault is read first.
        while ((await reading.read()).kind === "events") read.push(...namesOf(reading.batch));
      }, refused("garbage", message));
      Object.assign(broker.answers, truth);
      const rest = await reading.readAll();
      assert.deepEqual([...read, ...rest], events(0, 5));
      assert.equal(reading.progress.position, "5 leader 0");
    });
  });
}

brokerTest(
  "a partition that goes from its end to its beginning, and an offset below zero",
  async (broker) => {
    await withReading(broker, async (reading) => {
      assert.deepEqual(await reading.readAll(), events(0, 5));
      Object.assign(broker.answers, { error: OUT_OF_RANGE, oldest: 2 ** 52 });
      await assert.rejects(reading.read(), refused("garbage", /goes from offset 4503599627370496 to 5/));
      Object.assign(broker.answers, { oldest: -7 });
      await assert.rejects(reading.read(), refused("garbage", /has -7 as an offset/));
      Object.assign(broker.answers, { error: 0, oldest: 0 });
      assert.deepEqual(await reading.readAll(), []);
    });
  },
);

brokerTest("hosts, ports and partitions that cannot be are no reason to call anywhere", async (broker) => {
  const { host, port } = broker.answers;
  for (
    const [answers, message] of [
      [{ host: "" }, /names a broker at "", port \d+: set its advertised\.listeners/],
      [{ host: "a b\n\u001b[31m" }, /names a broker at "a b\\n\\u001b\[31m"/],
      [{ host: "http://x/" }, /names a broker at/],
      [{ host: "x".repeat(5000) }, /names a broker at "x{80}", port/],
      [{ host, port: 0 }, /port 0/],
      [{ host, port: BEYOND_PORTS }, /port 70000/],
      [{ host, port, partitions: [99_999] }, /names no partition 0, but a later one/],
      [{ host, port, partitions: [0, 2] }, /names no partition 1/],
      [{ host, port, partitions: [100_000] }, /names a partition 100000/],
      [{ host, port, partitions: [-1] }, /names a partition -1/],
    ] as const
  ) {
    Object.assign(broker.answers, { partitions: [0], port }, answers);
    const source = broker.createSource();
    await assert.rejects(source.probe(NEVER), refused("garbage", message));
  }
});

brokerTest("what is there is told in words", async (broker) => {
  assert.equal(await broker.createSource().probe(NEVER), "Kafka, 1 broker, topic t has 1 partition");
});

brokerTest("a connection that dies in the middle of an answer is made again", async (broker) => {
  const { send } = broker.answers;
  await withReading(broker, async (reading) => {
    for (const part of [2, 4, 30, 100]) {
      broker.answers.send = (answer, socket) => void socket.end(answer.subarray(0, part));
      await assert.rejects(reading.read(), refused("unavailable", /has closed the connection/));
    }
    broker.answers.send = send;
    assert.deepEqual(await reading.readAll(), events(0, 5));
  });
});

brokerTest("who leads is asked anew where an answer from before is on its way", async (broker) => {
  const { answers } = broker;
  const { sendMetadata } = answers;
  await withReading(broker, async (reading) => {
    answers.leader = -1;
    await assert.rejects(reading.partition.lineageNow!(NEVER));
    await assert.rejects(reading.read(), refused("unavailable", /no broker leads it/));
    const release = new Promise<() => void>((resolve) => {
      answers.sendMetadata = (answer, socket) => resolve(() => sendMetadata(answer, socket));
    });
    const older = reading.partition.lineageNow!(NEVER).catch(() => {});
    const send = await release;
    Object.assign(answers, { leader: 1, sendMetadata });
    const read = reading.readAll();
    send();
    await older;
    assert.deepEqual(await read, events(0, 5));
  });
});

/** A clock by which nothing is late until `pass` says so. */
function stoppedClock() {
  const sleeping = new Set<() => void>();
  const clock: Clock = {
    ...systemClock,
    nowMs: () => systemClock.nowMs(),
    monotonicMs: () => systemClock.monotonicMs(),
    sleep: (_ms, signal) =>
      new Promise((resolve) => {
        const end = () => {
          sleeping.delete(end);
          resolve();
        };
        sleeping.add(end);
        signal.addEventListener("abort", end);
        if (signal.aborted) end();
      }),
  };
  return { clock, pass: () => [...sleeping].forEach((end) => end()) };
}

for (
  const [how, part, message] of [
    ["answers nothing", 0, /has not answered for 20 seconds/],
    ["answers byte by byte", 1, /has sent only a part of an answer in 60 seconds/],
  ] as const
) {
  brokerTest(`a broker that ${how} is given up`, async (broker) => {
    const { clock, pass } = stoppedClock();
    const { send } = broker.answers;
    await withReading(broker, async (reading) => {
      broker.answers.send = (answer, socket) => {
        let sent = 0;
        const timer = setInterval(() => {
          if (part > 0) socket.write(answer.subarray(sent, sent += part));
          pass();
        }, 20);
        socket.once("close", () => clearInterval(timer));
      };
      // On a slow machine a byte may come only after the time has passed.
      await until(
        () =>
          reading.read().then(() => assert.fail("it was read"), (error) => {
            assert.ok(error instanceof SourceError && error.kind === "unavailable", String(error));
            return message.test(error.message);
          }),
        "the broker to be given up",
        PATIENCE_MS,
      );
      broker.answers.send = send;
      assert.deepEqual(await reading.readAll(), events(0, 5));
    }, clock);
  });
}

brokerTest(
  "records with headers only, without a value, with a key of 2 MB, at no time that there is",
  async (broker) => {
    const [first, last] = eventRecords(0, 2);
    const records = [
      first!,
      { offsetDelta: 1, headers: headersOf(3_000_000) },
      { offsetDelta: 2 },
      { ...first, offsetDelta: 3, key: Buffer.alloc(2_000_000, "k") },
      { ...last!, offsetDelta: 4 },
    ];
    const batch = batchOf(records, { firstTimeMs: 2n ** 63n - 1n });
    broker.answers.batches = (offset) => offset < 5 ? [batch] : [];
    await withReading(broker, async (reading) => {
      assert.equal((await reading.read()).kind, "events");
      const { batch } = reading;
      assert.deepEqual(namesOf(batch), events(0, 2));
      assert.match(
        batch.invalid.map(({ detail }) => detail).join(),
        /^a record of 20000\d\d bytes, of which 1048576 are/,
      );
      const { busMs, key } = batch.originOf!(1) as { busMs?: number; key?: string };
      assert.deepEqual([busMs, key?.length], [undefined, 64 * 1024]);
      assert.equal(reading.progress.position, "5 leader 0");
    });
  },
);

brokerTest(
  "batches that have 20 MB of headers are taken from one after the other",
  async (broker) => {
    const bomb = (offset: number) => {
      const [event] = eventRecords(offset, offset + 1);
      const records = [{ ...event!, headers: headersOf(20_000_000) }];
      return batchOf(records, { firstOffset: offset, attributes: GZIP }, gzipSync);
    };
    const batches = Array.from({ length: 10 }, (_, offset) => bomb(offset));
    Object.assign(broker.answers, { end: 10, batches: (offset: number) => batches.slice(offset) });
    await withReading(broker, async (reading) => {
      const sizes: number[] = [];
      const names: string[] = [];
      while ((await reading.read({ limit: 1000 })).kind === "events") {
        sizes.push(reading.batch.total);
        names.push(...namesOf(reading.batch));
      }
      assert.deepEqual(names, events(0, 10));
      assert.ok(sizes.every((size) => size <= 2), sizes.join());
    });
  },
);

Deno.test("the leader is looked for at once where it went away, and soon asked again", async () => {
  await using broker = await FakeBroker.start();
  const { port } = broker.answers;
  Object.assign(broker.answers, { port: freePort(), end: 5, batches: () => [five()] });
  const noLooks = (ms: number, signal: AbortSignal) => systemClock.sleep(ms === LOOK_MS ? 1e9 : ms, signal);
  await withReading(broker, async (reading) => {
    await assert.rejects(reading.read(), (error) => {
      assert.ok(error instanceof SourceError);
      assert.deepEqual([error.kind, error.retryWithinMs], ["unavailable", 2000]);
      return true;
    });
    Object.assign(broker.answers, { port, nodes: [2], leader: 2 });
    assert.equal((await reading.read()).kind, "events");
  }, { ...systemClock, sleep: noLooks });
});
