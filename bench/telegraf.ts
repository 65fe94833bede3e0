/**
 * Events per CPU-second beside Telegraf, from the same topic of Kafka and from the same requests of line
 * protocol. Prints a Markdown table. Ends with an error where one of them has not counted each event once.
 *
 *   make clients build && scripts/deno.sh run -A bench/telegraf.ts [--events 1000000] [--rounds 3]
 *
 * Both compute count, mean, minimum and maximum of each series and minute. Telegraf keeps nothing on disk but
 * its output, in line protocol. The handler has its state and its table in SQLite.
 */
import assert from "node:assert/strict";
import { cpus } from "node:os";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import { TELEGRAF } from "../scripts/go_programs.ts";
import { handlerEnvironment, sqlitePath } from "../tests/e2e/plant.ts";
import { KafkaTopic } from "../tests/sources/kafka/kafka_topic.ts";
import { randomNumbers } from "../tests/support/event_stream.ts";
import { executablePath, temporaryDirectory, until } from "../tests/support/executable.ts";
import { freePort } from "../tests/support/free_port.ts";
import { kafkaClient, startKafka } from "../tests/support/kafka_broker.ts";
import { MeasuredProcess, type Usage } from "./measured_process.ts";

const { values: options } = parseArgs({
  options: {
    events: { type: "string", default: "1000000" },
    rounds: { type: "string", default: "3" },
  },
});
const EVENTS = Number(options.events);
const ROUNDS = Number(options.rounds);
const SERIES = 1000;
const WINDOW_S = 60;
const SEED = 116;
const RECORDS_A_PRODUCE = 5000;
const LINES_A_REQUEST = 1000;
const REQUESTS_AT_ONCE = 2;
/** What Telegraf's aggregates look like. */
const COUNT_IN_LINE = /_count=(\d+)/;

type Format = "json" | "influx";

interface Way {
  readonly name: string;
  handler(directory: string): Promise<Usage>;
  telegraf(directory: string): Promise<Usage>;
}

/** The events, all of the last whole minute. Telegraf's windows go by its own clock, so it has one or two. */
function* events(format: Format): Generator<string> {
  const random = randomNumbers(SEED);
  const startMs = (Math.floor(Date.now() / 1000 / WINDOW_S) - 1) * WINDOW_S * 1000;
  for (let i = 0; i < EVENTS; i++) {
    const sensor = Math.floor(random() * SERIES);
    const value = (random() * 100).toFixed(3);
    const timeMs = startMs + Math.floor(i / EVENTS * WINDOW_S * 1000);
    yield format === "json"
      ? `{"name":"plant.line${sensor % 20}.sensor${sensor}.temperature","value":${value},"timestamp":${
        timeMs / 1000
      }}`
      : `plant,line=${sensor % 20},sensor=${sensor} temperature=${value} ${timeMs}000000`;
  }
}

function* groups(texts: Iterable<string>, size: number): Generator<string[]> {
  let group: string[] = [];
  for (const text of texts) {
    group.push(text);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

function telegrafConfig(input: string, output: string): string {
  return `[agent]
  omit_hostname = true
  metric_buffer_limit = 1000000
  round_interval = false
${input}
[[aggregators.basicstats]]
  period = "${WINDOW_S}s"
  grace = "24h"
  drop_original = true
  stats = ["count", "mean", "min", "max"]
[[outputs.file]]
  files = ["${output}"]
  data_format = "influx"
`;
}

async function startTelegraf(program: string, directory: string, input: string): Promise<MeasuredProcess> {
  const config = `${directory}/telegraf.conf`;
  await Deno.writeTextFile(config, telegrafConfig(input, `${directory}/out`));
  return MeasuredProcess.start(program, ["--config", config, "--quiet"]);
}

/** @throws where Telegraf's output does not stand for all events. */
async function assertTelegrafHasAll(directory: string): Promise<void> {
  const lines = (await Deno.readTextFile(`${directory}/out`)).split("\n");
  assert.equal(lines.reduce((sum, line) => sum + Number(COUNT_IN_LINE.exec(line)?.[1] ?? 0), 0), EVENTS);
}

function startHandler(command: string[], url: string, directory: string, format: Format): MeasuredProcess {
  return MeasuredProcess.start(executablePath(), command, {
    // The executable unpacks itself once for a home.
    HOME: Deno.env.get("HOME") ?? directory,
    ...handlerEnvironment(url, directory, {
      STORAGE_TYPE: "sqlite",
      AGGREGATION_INTERVAL: `${WINDOW_S}`,
      AGG_FUNCTIONS: "*=avg,min,max",
      ...(format === "influx" ? { EVENT_FORMAT: "influx" } : {}),
    }),
  });
}

/** How many events the handler's table stands for. */
function eventsInTable(directory: string): number {
  try {
    using database = new DatabaseSync(sqlitePath(directory), { readOnly: true, timeout: 10_000 });
    const row = database.prepare("SELECT sum(count) AS events FROM aggregated_events WHERE agg_func = 'avg'")
      .get();
    return Number(row!.events);
  } catch {
    // The table is not there yet.
    return 0;
  }
}

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

function kafkaWay(brokers: string[], topic: KafkaTopic, format: Format, program: string): Way {
  const parser = format === "influx" ? `data_format = "influx"` : `data_format = "json"
  json_name_key = "name"
  json_time_key = "timestamp"
  json_time_format = "unix"`;
  return {
    name: `a topic of Kafka, ${format === "influx" ? "line protocol" : "JSON"}`,
    async handler(directory) {
      await using handler = startHandler(["once", "--flush"], topic.url, directory, format);
      const usage = await handler.ended();
      assert.equal(eventsInTable(directory), EVENTS);
      return usage;
    },
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
  ${parser}`,
      );
      const admin = kafkaClient(brokers).admin();
      await admin.connect();
      await until(async () => {
        const [found] = await admin.fetchOffsets({ groupId: group, topics: [topic.name] });
        return found!.partitions.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0) === EVENTS;
      }, "Telegraf to commit the end of the topic");
      await admin.disconnect();
      telegraf.stop();
      const usage = await telegraf.ended();
      await assertTelegrafHasAll(directory);
      return usage;
    },
  };
}

function pushWay(bodies: readonly string[], program: string): Way {
  return {
    name: `requests of ${LINES_A_REQUEST} lines`,
    async handler(directory) {
      const port = freePort();
      await using handler = startHandler(["run"], `listen://127.0.0.1:${port}`, directory, "influx");
      await pushAll(port, bodies);
      await until(() => eventsInTable(directory) === EVENTS, "all events in the table");
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
      telegraf.stop();
      const usage = await telegraf.ended();
      await assertTelegrafHasAll(directory);
      return usage;
    },
  };
}

async function measure(run: (directory: string) => Promise<Usage>): Promise<Usage> {
  await using directory = await temporaryDirectory();
  return await run(directory.path);
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}

const program = await TELEGRAF.ensure();
await using stack = new AsyncDisposableStack();
const broker = await startKafka();
stack.defer(() => broker.remove());
const ways: Way[] = [];
for (const format of ["json", "influx"] as const) {
  const topic = await KafkaTopic.create(broker.brokers, 1);
  stack.defer(() => topic.remove());
  for (const group of groups(events(format), RECORDS_A_PRODUCE)) {
    await topic.send(group.map((value) => ({ value })));
  }
  ways.push(kafkaWay(broker.brokers, topic, format, program));
}
ways.push(pushWay([...groups(events("influx"), LINES_A_REQUEST)].map((lines) => lines.join("\n")), program));

console.log(
  `${
    EVENTS.toLocaleString("en")
  } events of ${SERIES} series in a minute; medians of ${ROUNDS} rounds in turn; ${cpus().length} × ${
    cpus()[0]?.model
  }
`,
);
console.log(
  "| from | handler, events/CPU-s | Telegraf, events/CPU-s | ratio, median (min to max) " +
    "| handler's peak memory | Telegraf's |",
);
console.log("|---|---:|---:|---:|---:|---:|");
for (const { name, handler, telegraf } of ways) {
  const rounds: { handler: Usage; telegraf: Usage }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push({ handler: await measure(handler), telegraf: await measure(telegraf) });
  }
  const rate = (one: "handler" | "telegraf") =>
    Math.round(EVENTS / median(rounds.map((round) => round[one].cpuSeconds))).toLocaleString("en");
  const peak = (one: "handler" | "telegraf") =>
    `${Math.round(median(rounds.map((round) => round[one].peakBytes)) / 1e6)} MB`;
  const ratios = rounds.map((round) => round.telegraf.cpuSeconds / round.handler.cpuSeconds);
  const range = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2)).join(" to ");
  console.log(
    `| ${name} | ${rate("handler")} | ${rate("telegraf")} | **${median(ratios).toFixed(2)}** (${range}) | ${
      peak("handler")
    } | ${peak("telegraf")} |`,
  );
}
