/** Receivers of OpenTelemetry that do not do what they should, against the built program. */
import assert from "node:assert/strict";
import { TELEMETRY } from "../../src/settings/telemetry_variables.ts";
import { type Environment, type Output, runToEnd, temporaryDirectory } from "../support/executable.ts";
import { OtlpReceiver } from "../support/otlp_receiver.ts";
import { handlerEnvironment } from "./plant.ts";

const BASE_S = 1_790_000_040;

/** Accepts connections and does with them what the test says. Leaving its scope closes it and them. */
class RawServer implements AsyncDisposable {
  private readonly listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  private readonly connections: Deno.Conn[] = [];
  private readonly serving: Promise<void>;

  constructor(serve: (connection: Deno.Conn) => Promise<void>) {
    this.serving = (async () => {
      for await (const connection of this.listener) {
        this.connections.push(connection);
        // The client may have gone away.
        serve(connection).catch(() => {});
      }
    })();
  }

  get url(): string {
    return `http://127.0.0.1:${this.listener.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.listener.close();
    await this.serving;
    for (const connection of this.connections) {
      try {
        connection.close();
      } catch {
        // It was closed by what served it.
      }
    }
  }
}

const hanging = () => new RawServer(() => Promise.resolve());
const garbage = () =>
  new RawServer(async (connection) => {
    await connection.read(new Uint8Array(1024));
    await connection.write(new TextEncoder().encode("\x00\xffno HTTP at all\r\n\r\n"));
    connection.close();
  });

async function settingsWith(directory: string, more: Environment): Promise<Environment> {
  const events = Array.from(
    { length: 120 },
    (_, i) => JSON.stringify({ name: "press", value: i, timestamp: BASE_S + i }),
  );
  await Deno.mkdir(directory, { recursive: true });
  await Deno.writeTextFile(`${directory}/in.ndjson`, `${events.join("\n")}\n`);
  return handlerEnvironment(`file://${directory}/in.ndjson`, directory, {
    STORAGE_TYPE: "sqlite",
    LOG_FORMAT: "text",
    ...more,
  });
}

function assertDelivered({ code, stderr }: Output): void {
  assert.equal(code, 0, stderr);
  assert.match(stderr, /the first aggregates have reached the sink/);
}

Deno.test("a receiver that hangs, or answers garbage, costs no event, and check says what it does", async () => {
  await using directory = await temporaryDirectory();
  await using silent = hanging();
  await using confused = garbage();
  const of = (name: string, OTEL_EXPORTER_OTLP_ENDPOINT: string) =>
    settingsWith(`${directory.path}/${name}`, { OTEL_EXPORTER_OTLP_ENDPOINT });
  const [asked, askedConfused, read, readConfused] = await Promise.all([
    runToEnd(["check"], await of("a", silent.url)),
    runToEnd(["check"], await of("b", confused.url)),
    runToEnd(["once", "--flush"], await of("c", silent.url)),
    runToEnd(["once", "--flush"], await of("d", confused.url)),
  ]);
  assert.match(asked.stdout, /^WARNING OpenTelemetry to \S+: it does not answer within 5 s; all else/m);
  assert.match(askedConfused.stdout, /^WARNING OpenTelemetry to \S+: .*; all else works without/m);
  for (const { code, stdout } of [asked, askedConfused]) {
    assert.equal(code, 0, stdout);
    assert.doesNotMatch(stdout, /no HTTP at all/);
  }
  assertDelivered(read);
  assertDelivered(readConfused);
});

Deno.test("only what is wanted is sent, and nothing where nothing is", async () => {
  await using directory = await temporaryDirectory();
  const sent = async (more: Environment): Promise<string[]> => {
    await using receiver = new OtlpReceiver();
    const own = `${directory.path}/${crypto.randomUUID()}`;
    const environment = await settingsWith(own, {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      ...more,
    });
    assertDelivered(await runToEnd(["once", "--flush"], environment));
    return [...new Set(receiver.requests.map(({ path }) => path.replace("/v1/", "")))].sort();
  };
  const none = { OTEL_TRACES_EXPORTER: "none", OTEL_METRICS_EXPORTER: "none", OTEL_LOGS_EXPORTER: "none" };
  assert.deepEqual(
    await Promise.all([
      sent({}),
      sent({ ...none, OTEL_TRACES_EXPORTER: "otlp" }),
      sent({ ...none, OTEL_METRICS_EXPORTER: "otlp" }),
      sent({ ...none, OTEL_LOGS_EXPORTER: "otlp" }),
      sent(none),
      sent({ OTEL_SDK_DISABLED: "true" }),
    ]),
    [["logs", "metrics", "traces"], ["traces"], ["metrics"], ["logs"], [], []],
  );
});

Deno.test("each variable of OpenTelemetry is read, refused, or named as one that is not read", async () => {
  await using directory = await temporaryDirectory();
  // The launcher takes out those that it does not know. What reaches the program is refused with its name.
  const faulty = Object.fromEntries(
    Object.keys(TELEMETRY).map((name) => [name, name.endsWith("CERTIFICATE") ? "/nowhere.pem" : ",\u007f"]),
  );
  const refused = await runToEnd(["once"], await settingsWith(directory.path, faulty));
  assert.equal(refused.code, 2);
  for (const name of Object.keys(faulty)) assert.match(refused.stderr, new RegExp(`\\b${name}\\b`));
  const unread = {
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://nowhere.invalid/secret",
    OTEL_METRICS_EXEMPLAR_FILTER: "trace_based",
  };
  const { code, stderr } = await runToEnd(["once"], await settingsWith(directory.path, unread));
  assert.equal(code, 0, stderr);
  assert.match(stderr, new RegExp(`${Object.keys(unread).join(", ")}: set, but not read here`));
  assert.doesNotMatch(stderr, /secret/);
  const wrong = await runToEnd(
    ["once"],
    await settingsWith(directory.path, {
      OTEL_METRICS_EXPORTER: "prometheus",
      OTEL_METRIC_EXPORT_INTERVAL: "10",
    }),
  );
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /OTEL_METRICS_EXPORTER.*prometheus[\s\S]*one of otlp, none/);
  assert.match(wrong.stderr, /OTEL_METRIC_EXPORT_INTERVAL.*is less than 1000/);
});
