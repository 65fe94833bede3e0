/** One request of the product to a broker, and its answer. */
import assert from "node:assert/strict";
import { WireFault, WireReader } from "../../../src/platform/kafka/wire_reader.ts";
import { WireWriter } from "../../../src/platform/kafka/wire_writer.ts";
import { BrokerConnection } from "../../../src/sources/kafka/broker_connection.ts";
import {
  API_VERSIONS,
  decoded,
  encoded,
  type Form,
  ScriptedBroker,
  versionsAnswer,
} from "./scripted_broker.ts";

/** A clock whose time does not go on. */
export const STILL = {
  sleep: (_ms: number, signal?: AbortSignal) =>
    new Promise<void>((resolve) => signal?.addEventListener("abort", () => resolve())),
};

export interface Exchange<T> {
  readonly key: number;
  /** The greatest version that the broker has. */
  readonly has: number;
  /** The version that is spoken. */
  readonly version: number;
  readonly isFlexible: boolean;
  readonly request: Form;
  readonly answer: Form;
  readonly says: Readonly<Record<string, unknown>>;
  readonly ask: (connection: BrokerConnection) => Promise<T>;
}

/** Asks a broker that answers once. Returns what it was asked, and what became of its answer. */
export async function exchanged<T>(
  exchange: Exchange<T>,
): Promise<{ asked: Record<string, unknown>; found: T }> {
  await using broker = await ScriptedBroker.start(({ key, answer }) => {
    if (key === API_VERSIONS) return answer(versionsAnswer([[exchange.key, exchange.has]]));
    const writer = new WireWriter(exchange.isFlexible);
    writer.end();
    answer(encoded(writer, exchange.answer, exchange.says).written);
  });
  const access = { tls: undefined, login: undefined };
  const connection = await BrokerConnection.open(broker.address, access, STILL, new AbortController().signal);
  try {
    const found = await exchange.ask(connection);
    const [, request] = broker.requests;
    assert.deepEqual([request!.key, request!.version], [exchange.key, exchange.version]);
    assert.equal(request!.client, "vabus-data-handler");
    const reader = new WireReader(request!.body, exchange.isFlexible);
    reader.end();
    const asked = decoded(reader, exchange.request);
    assert.throws(() => reader.int8(), WireFault, "nothing follows");
    return { asked, found };
  } finally {
    connection.close();
  }
}
