/** From a topic of Kafka, and by requests. */
import assert from "node:assert/strict";
import type { KafkaTopic } from "../tests/sources/kafka/kafka_topic.ts";
import { until } from "../tests/support/executable.ts";
import { freePort } from "../tests/support/free_port.ts";
import { kafkaClient } from "../tests/support/kafka_broker.ts";
import {
  endTelegraf,
  events,
  eventsInTable,
  type Format,
  groups,
  handlerOnce,
  parserOf,
  startHandler,
  startTelegraf,
  type Way,
} from "./telegraf_contest.ts";

const LINES_A_REQUEST = 1000;
const REQUESTS_AT_ONCE = 2;

async function pushAll(port: number, bodies: readonly string[]): Promise<void> {
  const url = `http://127.0.0.1:${port}`;
  await until(async () => {
    const reply = await fetch(`${url}/ping`);
    await reply.body?.cancel();
    return reply.ok;
  }, "a listener");
  let next = 0;
  const send = async () => {
    while (next < bodies.length) {
      const reply = await fetch(`${url}/write`, { method: "POST", body: bodies[next++]! });
      const text = await reply.text();
      assert.equal(reply.status, 204, text);
    }
  };
  await Promise.all(Array.from({ length: REQUESTS_AT_ONCE }, send));
}

export function kafkaWay(
  brokers: string[],
  topic: KafkaTopic,
  count: number,
  format: Format,
  program: string,
): Way {
  return {
    name: `a topic of Kafka, ${format === "influx" ? "line protocol" : "JSON"}`,
    handler: (directory) => handlerOnce(topic.url, directory, format, count),
    async telegraf(directory) {
      const group = `telegraf-${crypto.randomUUID()}`;
      await using telegraf = await startTelegraf(
        program,
        directory,
        `[[inputs.kafka_consumer]]
  brokers = [${brokers.map((broker) => `"${broker}"`)}]
  # The default is older than what the broker speaks.
  kafka_version = "2.8.0"
  topics = ["${topic.name}"]
  consumer_group = "${group}"
  offset = "oldest"
  max_undelivered_messages = 10000
  ${parserOf(format)}`,
      );
      const admin = kafkaClient(brokers).admin();
      await admin.connect();
      await until(async () => {
        const [found] = await admin.fetchOffsets({ groupId: group, topics: [topic.name] });
        return found!.partitions.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0) === count;
      }, "Telegraf to commit the end of the topic");
      await admin.disconnect();
      return await endTelegraf(telegraf, directory, count);
    },
  };
}

export function pushWay(count: number, program: string): Way {
  const bodies = [...groups(events(count, "influx"), LINES_A_REQUEST)].map((lines) => lines.join("\n"));
  return {
    name: `requests of ${LINES_A_REQUEST} lines`,
    async handler(directory) {
      const port = freePort();
      await using handler = startHandler(["run"], `listen://127.0.0.1:${port}`, directory, "influx");
      await pushAll(port, bodies);
      await until(() => eventsInTable(directory) === count, "all events in the table");
      handler.stop();
      return await handler.ended();
    },
    async telegraf(directory) {
      const port = freePort();
      await using telegraf = await startTelegraf(
        program,
        directory,
        `[[inputs.influxdb_listener]]
  service_address = "127.0.0.1:${port}"`,
      );
      await pushAll(port, bodies);
      return await endTelegraf(telegraf, directory, count);
    },
  };
}
