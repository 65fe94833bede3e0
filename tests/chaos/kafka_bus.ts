import { readTopicThroughKills } from "../e2e/kafka_crash.ts";
import type { Scenario } from "./scenario.ts";

const KILLS = 10;
const EVENTS_PER_SECOND = 2000;

/** A topic of Kafka as the bus. */
export const kafkaBus: Scenario = {
  name: "kafka-bus",
  what: "Kafka is the bus, with transactions and aborts; handler and broker are killed, partitions added",
  async run({ servers, seed, seconds, log }) {
    const events = Math.ceil(seconds * EVENTS_PER_SECOND);
    const counted = await readTopicThroughKills({ broker: servers.kafka, seed, events, kills: KILLS, log });
    return new Map([
      ["handler killed", KILLS],
      ["broker killed", 2],
      ["events, each counted once", counted],
    ]);
  },
};
