import type { KafkaSession } from "./kafka_session.ts";

/** Makes a session. Only the first one loads kafkajs, so that the program starts quickly without it. */
export async function newSession(...args: ConstructorParameters<typeof KafkaSession>): Promise<KafkaSession> {
  const { KafkaSession } = await import("./kafka_session.ts");
  return new KafkaSession(...args);
}
