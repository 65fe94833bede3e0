/** Traces, logs and metrics of the built program, as receivers of OTLP get them. */
import assert from "node:assert/strict";
import { COLLECTOR } from "../../scripts/go_programs.ts";
import { KafkaTopic } from "../sources/kafka/kafka_topic.ts";
import { type Environment, type Output, runToEnd, temporaryDirectory, until } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { OtlpReceiver, type ReceivedSpan } from "../support/otlp_receiver.ts";
import { RelayCollector } from "../support/relay_collector.ts";
import { sharedKafka } from "../support/shared_servers.ts";
import { JSON_TYPE, Listener } from "./listener.ts";
import { handlerEnvironment } from "./plant.ts";
import { readTopic } from "./topic.ts";

const SCOPE = "vabus-data-handler";
const TOKEN = "otlp-token-of-the-test";
const EVENTS = 600;
/** Small, so that several batches feed a window. */
const BATCH = 100;
const CUMULATIVE = 2;
const BASE_S = 1_790_000_040;

/** Reads a file to its end and delivers, with one event a second, so in windows of a minute. */
async function readFile(directory: string, more: Environment, args: readonly string[] = []): Promise<Output> {
  const events = Array.from(
    { length: EVENTS },
    (_, i) => JSON.stringify({ name: "press", value: i, timestamp: BASE_S + i }),
  );
  await Deno.writeTextFile(`${directory}/in.ndjson`, `${events.join("\n")}\n`);
  const environment = handlerEnvironment(`file://${directory}/in.ndjson`, directory, {
    STORAGE_TYPE: "sqlite",
    VABUS_BATCH_SIZE: `${BATCH}`,
    ...more,
  });
  const output = await runToEnd(["once", "--flush", ...args], environment);
  assert.equal(output.code, 0, output.stderr);
  return output;
}

function named(spans: readonly ReceivedSpan[], name: string): ReceivedSpan[] {
  return spans.filter((span) => span.name === name);
}

/** The values of a counter in all that the receiver has got. */
function valuesOf({ metrics }: OtlpReceiver, name: string): unknown[] {
  return metrics.filter((metric) => metric.name === name).flatMap(({ sum }) => {
    const { aggregationTemporality, dataPoints, isMonotonic } = sum as Sum;
    assert.deepEqual([aggregationTemporality, isMonotonic], [CUMULATIVE, true]);
    return dataPoints.map(({ asDouble }) => asDouble);
  });
}

interface Sum {
  readonly aggregationTemporality: number;
  readonly isMonotonic: boolean;
  readonly dataPoints: readonly { readonly asDouble: number }[];
}

/** What any receiver must have got of {@link readFile}, and what it must never get. */
function assertWay(receiver: OtlpReceiver, { stdout, stderr }: Output): void {
  const { spans, logs } = receiver;
  assert.deepEqual([...new Set(spans.map(({ scope }) => scope))], [SCOPE], "no spans of the runtime's own");
  const reads = named(spans, "read");
  assert.ok(reads.length >= EVENTS / BATCH);
  const read = reads.reduce((sum, { attributes }) => sum + Number(attributes["vabus.events"]), 0);
  assert.equal(read, EVENTS);
  const closings = named(spans, "close windows");
  const linked = new Set(closings.flatMap(({ links }) => links.map(({ spanId }) => spanId)));
  assert.deepEqual(reads.filter(({ spanId }) => !linked.has(spanId)), [], "each batch is named by a closing");
  const deliveries = named(spans, "deliver");
  const delivered = deliveries.reduce(
    (sum, { attributes }) => sum + Number(attributes["vabus.aggregates"]),
    0,
  );
  assert.equal(delivered, EVENTS / 60);
  for (const { parentSpanId, traceId } of deliveries) {
    assert.ok(closings.some((closing) => closing.spanId === parentSpanId && closing.traceId === traceId));
  }
  const first = logs.find(({ body }) => body.includes("the first aggregates have reached the sink"))!;
  const delivery = deliveries.find(({ spanId }) => spanId === first.spanId)!;
  assert.equal(first.traceId, delivery.traceId);
  const line = stderr.split("\n").find((text) => text.includes("the first aggregates"))!;
  assert.ok(line.includes(first.traceId) && line.includes(first.spanId), line);
  assert.ok(valuesOf(receiver, "vabus_handler_events_received_total").includes(EVENTS));
  assert.ok(valuesOf(receiver, "vabus_handler_aggregates_delivered_total").includes(EVENTS / 60));
  assert.equal(receiver.resource["service.name"], SCOPE);
  assert.equal(receiver.resource["service.instance.id"], "e2e");
  for (const name of ["service.name", "service.instance.id", "service.version"]) {
    assert.equal(receiver.metricsResource[name], receiver.resource[name]);
  }
  assert.ok(!(receiver.text + stdout + stderr).includes(TOKEN));
}

Deno.test("each batch is traced from its read to its delivery, and log lines name their spans", async () => {
  await using directory = await temporaryDirectory();
  await using receiver = new OtlpReceiver();
  const secret = `${directory.path}/otlp-headers`;
  await Deno.writeTextFile(secret, `authorization=Bearer%20${TOKEN}\n`, { mode: 0o600 });
  const output = await readFile(directory.path, {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_EXPORTER_OTLP_HEADERS_FILE: secret,
  });
  assertWay(receiver, output);
  for (const { headers } of receiver.requests) {
    assert.equal(headers.get("authorization"), `Bearer ${TOKEN}`);
  }
});

const collector = await COLLECTOR.path();
if (collector === undefined) {
  console.error("Without the collector of OpenTelemetry: `make clients` builds it.");
}

Deno.test({
  name: "the collector takes the same as protobuf, by settings from an env file and flags",
  ignore: collector === undefined,
  async fn() {
    await using directory = await temporaryDirectory();
    await using receiver = new OtlpReceiver();
    let output: Output;
    {
      await using relay = await RelayCollector.start(collector!, directory.path, receiver.url);
      const file = `${directory.path}/settings.env`;
      await Deno.writeTextFile(file, `OTEL_EXPORTER_OTLP_ENDPOINT="${relay.url}/"\n`);
      const flags = ["--env-file", file, "--otel-exporter-otlp-headers", `x-token=${TOKEN}`];
      output = await readFile(directory.path, {}, flags);
    }
    await until(() => receiver.logs.length > 0 && receiver.spans.length > 0, "what the collector hands on");
    assertWay(receiver, output);
  },
});

Deno.test("without a receiver nothing is told, and what only looks like one is an error", async () => {
  await using directory = await temporaryDirectory();
  await using receiver = new OtlpReceiver();
  const { stderr } = await readFile(directory.path, {
    OTEL_DENO: "true",
    OTEL_TRACES_SAMPLER: "always_on",
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.url}/v1/traces`,
  });
  assert.deepEqual(receiver.requests, []);
  assert.ok(!stderr.includes("trace_id"), stderr);
  const faulty = {
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://user:pass@collector:4318",
    OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
    OTEL_TRACES_SAMPLER_ARG: "2",
  };
  const environment = handlerEnvironment(`file://${directory.path}/in.ndjson`, directory.path, faulty);
  const wrong = await runToEnd(["once"], environment);
  assert.equal(wrong.code, 2);
  for (const name of Object.keys(faulty)) assert.match(wrong.stderr, new RegExp(name));
  assert.doesNotMatch(wrong.stderr, /pass@/);
});

/** A trace of somebody else. */
function upstream(number: number): { readonly traceId: string; readonly traceparent: string } {
  const traceId = `${number}`.padStart(32, "a");
  return { traceId, traceparent: `00-${traceId}-${"b".repeat(16)}-01` };
}

Deno.test("a push names its trace, and a receiver that is away is told of once", async () => {
  await using directory = await temporaryDirectory();
  await using receiver = new OtlpReceiver();
  const settings = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
  };
  const { traceId, traceparent } = upstream(1);
  {
    await using listener = await Listener.start(directory.path, settings);
    const event = JSON.stringify([{ name: "press", value: 1, timestamp: BASE_S }]);
    for (const header of [traceparent, "00-not-a-trace", "x".repeat(5000)]) {
      const { status } = await listener.post("/events", event, { ...JSON_TYPE, traceparent: header });
      assert.equal(status, 202);
    }
    const read = () =>
      named(receiver.spans, "read").reduce(
        (sum, { attributes }) => sum + Number(attributes["vabus.events"]),
        0,
      );
    await until(() => read() === 3, "the spans of what was pushed");
    assert.equal(await listener.program.stop(), 0);
  }
  const reads = named(receiver.spans, "read");
  const links = reads.flatMap(({ links }) => links.map((link) => link.traceId));
  assert.deepEqual(links, [traceId]);
  const away = { ...settings, OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${freePort()}` };
  await using lonely = await Listener.start(`${directory.path}/lonely`, away);
  await until(
    () => lonely.program.stderr.includes("does not take what is sent"),
    "the line about the receiver",
  );
  assert.equal(await lonely.program.stop(), 0);
  assert.equal(lonely.program.stderr.split("does not take what is sent").length, 2);
});

Deno.test("records of Kafka name their traces, and messages in Kafka name that of their delivery", async () => {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const receiver = stack.use(new OtlpReceiver());
  const broker = await sharedKafka();
  stack.defer(() => broker.remove());
  const topic = await KafkaTopic.create(broker.brokers);
  stack.defer(() => topic.remove());
  const value = (i: number) => JSON.stringify({ name: "press", value: i, timestamp: BASE_S + i });
  const traces = [1, 2, 3].map(upstream);
  await topic.send([
    ...traces.map(({ traceparent }, i) => ({ value: value(i), headers: { other: "x", traceparent } })),
    { value: value(3), headers: { traceparent: "nonsense" } },
    { value: value(4) },
  ]);
  const sink = `traced-${crypto.randomUUID().slice(0, 8)}`;
  const environment = handlerEnvironment(topic.url, directory.path, {
    STORAGE_TYPE: "kafka",
    KAFKA_BOOTSTRAP_SERVERS: broker.brokers.join(","),
    KAFKA_TOPIC: sink,
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
  });
  const { code, stderr } = await runToEnd(["once", "--flush"], environment);
  assert.equal(code, 0, stderr);
  const { spans } = receiver;
  assert.deepEqual(
    named(spans, "read").flatMap(({ links }) => links.map(({ traceId }) => traceId)),
    traces.map(({ traceId }) => traceId),
  );
  const expected = named(spans, "deliver").map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`);
  const records = await readTopic(broker.brokers, sink);
  assert.deepEqual([...new Set(records.map((record) => record.traceparent))], expected);
});
