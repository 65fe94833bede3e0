/**
 * Starts a real PostgreSQL and a real Kafka for the README's tour, on free ports and in temporary directories, and shows
 * what a reader of committed records sees arriving in the topic. Ctrl-C stops both and deletes their data.
 */
import { Kafka, logLevel } from "kafkajs";
import { startKafka } from "../tests/support/kafka_broker.ts";
import { startPostgres } from "../tests/support/postgres_server.ts";

const TOPIC = "vabus.aggregates";

console.error("Starting PostgreSQL and Kafka; the first time they are fetched, which takes a minute.");
const [kafka, postgres] = await Promise.all([startKafka(), startPostgres()]);
console.log(`
Both are up. In the terminal of the handler:

  export STORAGE_TYPE=kafka,postgres
  export KAFKA_BOOTSTRAP_SERVERS=${kafka.brokers.join(",")}
  export POSTGRES_CONNECTION_STRING='${postgres.url}'

Records of the topic ${TOPIC} follow here. Ctrl-C stops both servers and deletes their data.
`);

const client = new Kafka({ clientId: "tour", brokers: kafka.brokers, logLevel: logLevel.NOTHING });
const admin = client.admin();
await admin.connect();
await admin.createTopics({ topics: [{ topic: TOPIC }], waitForLeaders: true });
await admin.disconnect();
const consumer = client.consumer({ groupId: "tour", readUncommitted: false });
await consumer.connect();
await consumer.subscribe({ topic: TOPIC, fromBeginning: true });
await consumer.run({
  eachMessage: ({ message }) => Promise.resolve(console.log(message.value!.toString())),
});

await new Promise<void>((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, resolve);
});
await consumer.disconnect();
await Promise.all([kafka.remove(), postgres.remove()]);
Deno.exit(0);
