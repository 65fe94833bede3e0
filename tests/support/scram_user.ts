import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { pbkdf2Sync } from "node:crypto";
import { systemClock } from "../../src/platform/clock/clock.ts";
import { BrokerConnection } from "../../src/sources/kafka/broker_connection.ts";
import type { KafkaBroker } from "./kafka_broker.ts";

const ALTER_SCRAM_USERS = { key: 51, flexibleFrom: 0 };
const ITERATIONS = 4096;

/** Makes a user of both kinds of SCRAM, as `kafka-configs.sh` does. */
export async function makeScramUser(
  { brokers: [broker] }: KafkaBroker,
  username: string,
  password: string,
): Promise<void> {
  const [host, port] = broker!.split(":") as [string, string];
  const connection = await BrokerConnection.open(
    { host, port: Number(port) },
    { tls: undefined, login: undefined },
    systemClock,
    new AbortController().signal,
  );
  const salt = Buffer.from("salt of the tests");
  // A user has one mechanism a request.
  for (const [number, hash, bytes] of [[1, "sha256", 32], [2, "sha512", 64]] as const) {
    const salted = pbkdf2Sync(password.normalize("NFKC"), salt, ITERATIONS, bytes, hash);
    await connection.request(ALTER_SCRAM_USERS, 0, (writer) => {
      writer.array([], () => {}).array(
        [username],
        (name) => writer.string(name).int8(number).int32(ITERATIONS).block(salt).block(salted).end(),
      );
      writer.end();
    }, (reader) => {
      reader.int32();
      reader.array(() => {
        reader.string();
        assert.equal(reader.int16(), 0, reader.string());
        reader.end();
      });
    });
  }
  connection.close();
}
