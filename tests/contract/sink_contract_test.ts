/** One suite over all sinks, on real servers: one PostgreSQL and one Kafka for all of it. */
import assert from "node:assert/strict";
import { SINKS } from "../../src/sinks/registry.ts";
import { KafkaBackends } from "../sinks/kafka/kafka_backends.ts";
import { PostgresBackends } from "../sinks/postgres/postgres_backends.ts";
import { createSqliteBackend } from "../sinks/sqlite/sqlite_backends.ts";
import { createPipeBackend } from "../sinks/stdout/pipe.ts";
import { kafkaIsExternal } from "../support/kafka_broker.ts";
import { sharedKafka, sharedPostgres } from "../support/shared_servers.ts";
import { TcpProxy } from "../support/tcp_proxy.ts";
import { FakeSink, type FakeTable } from "./fake_sink.ts";
import { testHolding } from "./holding_contract.ts";
import { testSinkContract } from "./sink_contract.ts";
import { QUIET, type SinkBackend } from "./sink_samples.ts";
import { toyRows, ToySink } from "./toy/toy_sink.ts";

/** Runs the suite on the backends of one kind of sink. */
type Suite = (t: Deno.TestContext) => Promise<void>;

const over = (createBackend: () => SinkBackend | Promise<SinkBackend>): Suite => (t) =>
  testSinkContract(t, () => Promise.resolve(createBackend()));

/** A backend of the fake sink, which keeps the position with the rows or does not. */
function fakeBackend(isPositioned: boolean): SinkBackend {
  const table: FakeTable = new Map();
  const positions = new Map<string, { nextId: number }>();
  const createSink = (instance: string) => {
    if (!isPositioned) return new FakeSink({ instance, table });
    const position = positions.get(instance) ?? { nextId: 0 };
    positions.set(instance, position);
    return new FakeSink({ instance, table, position });
  };
  return {
    createSink,
    read: (instance) => Promise.resolve(createSink(instance).rows()),
    remove: () => Promise.resolve(),
  };
}

async function toyBackend(): Promise<SinkBackend> {
  const directory = await Deno.makeTempDir({ prefix: "vabus-toy-" });
  const path = `${directory}/toy.json`;
  return {
    createSink: (instance) =>
      new ToySink({ path, token: "open sesame", colour: "red" }, { id: "toy", instance, logger: QUIET }),
    read: (instance) => Promise.resolve(toyRows(path, instance)),
    remove: () => Deno.remove(directory, { recursive: true }),
  };
}

const postgres: Suite = async (t) => {
  const server = await sharedPostgres();
  try {
    const backends = new PostgresBackends(server.url, QUIET);
    await over(() => backends.create())(t);
    await t.step("of tables", (t) => testHolding(t, () => Promise.resolve(backends.create())));
  } finally {
    await server.remove();
  }
};

const sqlite: Suite = async (t) => {
  await over(createSqliteBackend)(t);
  await t.step("of tables", (t) => testHolding(t, createSqliteBackend));
};

const kafka: Suite = async (t) => {
  const broker = await sharedKafka();
  await using wires = new AsyncDisposableStack();
  wires.defer(() => broker.remove());
  const wire = kafkaIsExternal ? undefined : wires.use(TcpProxy.start(broker.proxyPort));
  wire?.leadTo(broker.proxiedPort);
  const backends = new KafkaBackends(broker, QUIET);
  for (const delivery of ["exactly-once", "at-least-once"] as const) {
    await t.step(delivery, over(() => backends.create(delivery, wire)));
  }
};

const SUITES: Readonly<Record<string, Suite>> = {
  fake: over(() => fakeBackend(false)),
  "fake with a position": over(() => fakeBackend(true)),
  toy: over(toyBackend),
  stdout: over(createPipeBackend),
  sqlite,
  postgres,
  kafka,
};

for (const [name, suite] of Object.entries(SUITES)) {
  Deno.test(`the sink ${name} keeps the contract of sinks`, suite);
}

Deno.test("no kind of sink goes without the suite", () => {
  const without = SINKS.map(({ kind }) => kind).filter((kind) => !(kind in SUITES));
  assert.deepEqual(without, []);
});
