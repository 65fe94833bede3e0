/** From a session of MQTT, and from streams of NATS and Redis. Telegraf reads no streams of Redis. */
import { once } from "node:events";
import { connect } from "node:net";
import { clientIdOf } from "../src/sources/mqtt/mqtt_options.ts";
import { NatsStream } from "../tests/sources/nats/nats_stream.ts";
import { RedisStream } from "../tests/sources/redis/redis_stream.ts";
import type { MosquittoServer } from "../tests/support/mosquitto_server.ts";
import { mqttPacket, MqttPackets, uint16 } from "../tests/support/mqtt_packets.ts";
import { MqttPublisher } from "../tests/support/mqtt_publisher.ts";
import type { NatsServerProcess } from "../tests/support/nats_server.ts";
import type { RedisServerProcess } from "../tests/support/redis_server.ts";
import {
  endTelegraf,
  events,
  groups,
  handlerOnce,
  parserOf,
  startTelegraf,
  type Way,
} from "./telegraf_contest.ts";

/** A topic each: a session that was read keeps getting what is published on its own. */
const TOPICS = { handler: "plant/a", telegraf: "plant/b" };
const CLIENT = "telegraf";
const TOGETHER = 5000;
/** The instance of the handlers of `tests/e2e/plant.ts`. */
const INSTANCE = "e2e";
const [CONNACK, SUBSCRIBE, SUBACK, DISCONNECT] = [2, 8, 9, 14];

/** Both find the messages in a session that the broker has kept, with QoS 1. */
export function mqttWay(broker: MosquittoServer, count: number, program: string): Way {
  const url = broker.url(TOPICS.handler);
  const fill = async (client: string, topic: string) => {
    await makeSession(broker.port, client, topic);
    await using publisher = await MqttPublisher.connect(broker.port);
    for (const group of groups(events(count, "json"), TOGETHER)) {
      await publisher.publish(group.map((payload) => ({ topic, payload })));
    }
  };
  return {
    name: "a session of MQTT, JSON",
    async handler(directory) {
      await fill(clientIdOf({ instance: INSTANCE, name: url }), TOPICS.handler);
      return await handlerOnce(url, directory, "json", count);
    },
    async telegraf(directory) {
      await fill(CLIENT, TOPICS.telegraf);
      await using telegraf = await startTelegraf(
        program,
        directory,
        `[[inputs.mqtt_consumer]]
  servers = ["tcp://127.0.0.1:${broker.port}"]
  topics = ["${TOPICS.telegraf}"]
  topic_tag = ""
  qos = 1
  persistent_session = true
  client_id = "${CLIENT}"
  max_undelivered_messages = 10000
  ${parserOf("json")}`,
      );
      await telegraf.rests();
      return await endTelegraf(telegraf, directory, count);
    },
  };
}

export async function natsWay(server: NatsServerProcess, count: number, program: string): Promise<Way> {
  const stream = await NatsStream.create(server);
  for (const group of groups(events(count, "json"), TOGETHER)) {
    await stream.publish(...group.map((body) => ({ body })));
  }
  const url = `nats://127.0.0.1:${server.port}/${stream.name}`;
  return {
    name: "a stream of NATS, JSON",
    handler: (directory) => handlerOnce(url, directory, "json", count),
    async telegraf(directory) {
      await using telegraf = await startTelegraf(
        program,
        directory,
        `[[inputs.nats_consumer]]
  servers = ["nats://127.0.0.1:${server.port}"]
  subjects = []
  jetstream_subjects = ["${stream.name}.>"]
  jetstream_stream = "${stream.name}"
  queue_group = "telegraf-${crypto.randomUUID()}"
  max_undelivered_messages = 10000
  ${parserOf("json")}`,
      );
      await telegraf.rests();
      return await endTelegraf(telegraf, directory, count);
    },
  };
}

export async function redisWay(server: RedisServerProcess, count: number): Promise<Way> {
  const stream = await RedisStream.create(server, "plant");
  for (const group of groups(events(count, "json"), TOGETHER)) {
    await stream.add(...group.map((event) => ({ event })));
  }
  const url = `${server.url}/plant?field=event`;
  return {
    name: "a stream of Redis, JSON",
    handler: (directory) => handlerOnce(url, directory, "json", count),
  };
}

/** Makes the broker keep messages for a client that is not there. */
async function makeSession(port: number, client: string, topic: string): Promise<void> {
  const socket = connect({ host: "127.0.0.1", port });
  const packets = new MqttPackets();
  socket.write(mqttPacket(1, 0, "MQTT", 4, 0, uint16(0), client));
  socket.on("data", (bytes) => {
    for (const { type } of packets.take(bytes)) {
      if (type === CONNACK) socket.write(mqttPacket(SUBSCRIBE, 2, uint16(1), topic, 1));
      else if (type === SUBACK) socket.end(mqttPacket(DISCONNECT, 0));
    }
  });
  await once(socket, "close");
}
