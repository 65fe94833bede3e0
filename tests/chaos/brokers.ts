import assert from "node:assert/strict";
import { arrival, Bus, handlerEnvironment, INSTANCE } from "../e2e/plant.ts";
import { latestRows, readTopic } from "../e2e/topic.ts";
import { randomNumbers } from "../support/event_stream.ts";
import {
  assertNoStackTrace,
  PATIENCE_MS,
  pause,
  Program,
  runToEnd,
  temporaryDirectory,
} from "../support/executable.ts";
import { KafkaCluster } from "../support/kafka_cluster.ts";
import { Load } from "./load.ts";
import type { Scenario } from "./scenario.ts";

const TOPIC = "aggregates";
const COMPRESSIONS = ["none", "gzip", "lz4", "zstd"];
/** How long a broker is away: the others notice after nine seconds that it was killed. */
const AWAY_MAX_MS = 15_000;
const HANDLER_KILL_SHARE = 0.3;

/** A sink in a cluster: what one broker cannot show. */
export const brokers: Scenario = {
  name: "brokers",
  what: "three brokers take the aggregates; they are stopped and killed in turn, and leaders move",
  async run({ seed, seconds, log }) {
    await using stack = new AsyncDisposableStack();
    const directory = stack.use(await temporaryDirectory());
    const cluster = stack.use(await KafkaCluster.start());
    const bus = stack.use(await Bus.start());
    const random = randomNumbers(seed);
    const environment = handlerEnvironment(bus.url, directory.path, {
      STORAGE_TYPE: "kafka",
      KAFKA_BOOTSTRAP_SERVERS: cluster.brokers.join(","),
      KAFKA_TOPIC: TOPIC,
      KAFKA_COMPRESSION: COMPRESSIONS[seed % COMPRESSIONS.length]!,
      CHECKPOINT_INTERVAL: "0.2",
    });
    let handler = Program.start(["run"], environment);
    stack.defer(() => handler.kill9());
    // Rows enough that writes to all leaders are often under way, and few enough to be read several times.
    const load = new Load({ seed, seconds, windowsPerSecond: 1, nameCount: 300 });
    const injected = new Map<string, number>();
    const note = (what: string) => {
      log(what);
      injected.set(what, (injected.get(what) ?? 0) + 1);
    };
    let isOver = false;
    const feeding = load.feed(bus, () => false).then(() => isOver = true);
    do {
      const { process } = cluster.nodes[Math.floor(random() * cluster.nodes.length)]!;
      const isKilled = random() < 0.5;
      await (isKilled ? process.kill() : process.stop());
      note(isKilled ? "broker killed" : "broker stopped");
      if (random() < HANDLER_KILL_SHARE) {
        await handler.kill9();
        handler = Program.start(["run"], environment);
        note("handler killed");
      }
      await pause(random() * AWAY_MAX_MS);
      await process.start();
      await cluster.whole(TOPIC);
    } while (!isOver);
    await feeding;
    const inKafka = {
      rows: async () => latestRows(await readTopic(cluster.brokers, TOPIC)),
      sumOfCounts: async () => (await inKafka.rows()).reduce((sum, { count }) => sum + count, 0),
    };
    await arrival(inKafka, load.oracle.counts.aggregated, "Kafka", PATIENCE_MS, [handler]);
    load.oracle.assertRows(await inKafka.rows(), "Kafka", INSTANCE);
    assert.equal(await handler.stop(), 0, handler.tail());
    assertNoStackTrace(handler);
    const proof = await runToEnd(["verify", "--kafka"], environment);
    assert.equal(proof.code, 0, proof.stdout + proof.stderr);
    return injected;
  },
};
