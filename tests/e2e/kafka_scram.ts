import assert from "node:assert/strict";
import { KafkaTopic } from "../sources/kafka/kafka_topic.ts";
import type { Authority } from "../support/certificates.ts";
import { type Environment, runToEnd } from "../support/executable.ts";
import type { KafkaBroker } from "../support/kafka_broker.ts";
import { handlerEnvironment } from "./plant.ts";
import { readTopic } from "./topic.ts";

/** A user as {@link makeScramUser} makes one. */
export interface ScramUser {
  readonly username: string;
  readonly password: string;
}

/**
 * A handler that logs in by SCRAM where it reads and where it writes. With a wrong password for the one and
 * then for the other it says so and delivers nothing; with the right ones each event is delivered once.
 */
export async function readAndDeliverByScram(
  mechanism: "scram-sha-256" | "scram-sha-512",
  broker: KafkaBroker,
  { username, password }: ScramUser,
  authority: Authority,
  directory: string,
): Promise<void> {
  const server = broker.saslBrokers[0]!;
  const topic = await KafkaTopic.create(broker.brokers);
  try {
    const timestamp = Math.floor(Date.now() / 1000) - 600;
    await topic.send([1, 2, 3].map((value) => ({ value: JSON.stringify({ name: "a", value, timestamp }) })));
    const right = handlerEnvironment(`kafkas://${server}/${topic.name}?sasl=${mechanism}`, directory, {
      STATE_DIR: `${directory}/${mechanism}`,
      INSTANCE_ID: mechanism,
      VABUS_USERNAME: username,
      VABUS_PASSWORD: password,
      VABUS_CA_FILE: authority.caFile,
      STORAGE_TYPE: "kafka",
      KAFKA_BOOTSTRAP_SERVERS: server,
      KAFKA_TOPIC: `rows-${topic.name}`,
      KAFKA_SSL: "true",
      KAFKA_SSL_CA_FILE: authority.caFile,
      KAFKA_SASL_MECHANISM: mechanism,
      KAFKA_SASL_USERNAME: username,
      KAFKA_SASL_PASSWORD: password,
    });
    const handler = async (args: readonly string[], more: Environment = {}) => {
      const { code, stdout, stderr } = await runToEnd(args, { ...right, ...more });
      const said = stdout + stderr;
      assert.ok(!said.includes(password), said);
      return { code, said };
    };
    const faults: [Environment, RegExp][] = [
      [{ VABUS_PASSWORD: "wrong" }, /check user, password and sasl= of the URL/],
      [
        { KAFKA_SASL_PASSWORD: "wrong" },
        /Check KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD/,
      ],
    ];
    for (const [fault, why] of faults) {
      const { code, said } = await handler(["once", "--flush"], fault);
      assert.notEqual(code, 0, said);
      assert.match(said, why);
    }
    for (const args of [["check"], ["once", "--flush"], ["verify", "--kafka"]]) {
      const { code, said } = await handler(args);
      assert.equal(code, 0, said);
    }
    const rows = (await readTopic(broker.brokers, right.KAFKA_TOPIC!)).map(({ value }) => JSON.parse(value));
    assert.deepEqual(rows.map(({ value, count, revision }) => ({ value, count, revision })), [
      { value: 6, count: 3, revision: 0 },
    ]);
  } finally {
    await topic.remove();
  }
}
