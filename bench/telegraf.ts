/**
 * Events per CPU-second beside Telegraf: from the same topic of Kafka, the same requests of line protocol,
 * the same messages of MQTT and the same stream of NATS. Telegraf reads no streams of Redis. Prints a
 * Markdown table. Ends with an error where one of them has not counted each event once.
 *
 *   make clients build && scripts/deno.sh run -A bench/telegraf.ts [--events 1000000] [--rounds 3]
 *
 *   --from kafka,push,mqtt,nats,redis    only these
 *
 * Both compute count, mean, minimum and maximum of each series and minute. Telegraf keeps nothing on disk but
 * its output, in line protocol. The handler has its state and its table in SQLite.
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { TELEGRAF } from "../scripts/go_programs.ts";
import { KafkaTopic } from "../tests/sources/kafka/kafka_topic.ts";
import { temporaryDirectory } from "../tests/support/executable.ts";
import { startKafka } from "../tests/support/kafka_broker.ts";
import { MosquittoServer } from "../tests/support/mosquitto_server.ts";
import { NatsServerProcess } from "../tests/support/nats_server.ts";
import { RedisServerProcess } from "../tests/support/redis_server.ts";
import type { Usage } from "./measured_process.ts";
import { mqttWay, natsWay, redisWay } from "./telegraf_buses.ts";
import { events, groups, SERIES, type Way } from "./telegraf_contest.ts";
import { kafkaWay, pushWay } from "./telegraf_ways.ts";

const { values: options } = parseArgs({
  options: {
    events: { type: "string", default: "1000000" },
    rounds: { type: "string", default: "3" },
    from: { type: "string", default: "kafka,push,mqtt,nats,redis" },
  },
});
const EVENTS = Number(options.events);
const ROUNDS = Number(options.rounds);
const RECORDS_A_PRODUCE = 5000;
const wanted = options.from.split(",");

async function measure(run: (directory: string) => Promise<Usage>): Promise<Usage> {
  await using directory = await temporaryDirectory();
  return await run(directory.path);
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}

/** Starts the servers of the ways that are wanted, filled with the events. */
async function waysFrom(stack: AsyncDisposableStack, program: string): Promise<Way[]> {
  const ways: Way[] = [];
  if (wanted.includes("kafka")) {
    const broker = await startKafka();
    stack.defer(() => broker.remove());
    for (const format of ["json", "influx"] as const) {
      const topic = await KafkaTopic.create(broker.brokers, 1);
      stack.defer(() => topic.remove());
      for (const group of groups(events(EVENTS, format), RECORDS_A_PRODUCE)) {
        await topic.send(group.map((value) => ({ value })));
      }
      ways.push(kafkaWay(broker.brokers, topic, EVENTS, format, program));
    }
  }
  if (wanted.includes("push")) ways.push(pushWay(EVENTS, program));
  if (wanted.includes("mqtt")) {
    const broker = await MosquittoServer.start();
    stack.defer(() => broker.remove());
    ways.push(mqttWay(broker, EVENTS, program));
  }
  if (wanted.includes("nats")) {
    ways.push(await natsWay(stack.use(await NatsServerProcess.start({ isQuick: true })), EVENTS, program));
  }
  if (wanted.includes("redis")) {
    ways.push(await redisWay(stack.use(await RedisServerProcess.start()), EVENTS));
  }
  return ways;
}

await using stack = new AsyncDisposableStack();
const ways = await waysFrom(stack, await TELEGRAF.ensure());

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
  const rounds: { handler: Usage; telegraf: Usage | undefined }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push({
      handler: await measure(handler),
      telegraf: telegraf === undefined ? undefined : await measure(telegraf),
    });
  }
  const usages = (one: "handler" | "telegraf") => rounds.flatMap((round) => round[one] ?? []);
  const cells = (one: "handler" | "telegraf") => {
    const all = usages(one);
    if (all.length === 0) return ["none", ""];
    const rate = Math.round(EVENTS / median(all.map(({ cpuSeconds }) => cpuSeconds)));
    const peak = Math.round(median(all.map(({ peakBytes }) => peakBytes)) / 1e6);
    return [rate.toLocaleString("en"), `${peak} MB`];
  };
  const ratios = usages("telegraf").map(({ cpuSeconds }, i) => cpuSeconds / rounds[i]!.handler.cpuSeconds);
  const range = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2)).join(" to ");
  const ratio = ratios.length === 0 ? "" : `**${median(ratios).toFixed(2)}** (${range})`;
  const [handlerRate, handlerPeak] = cells("handler");
  const [telegrafRate, telegrafPeak] = cells("telegraf");
  console.log(`| ${name} | ${handlerRate} | ${telegrafRate} | ${ratio} | ${handlerPeak} | ${telegrafPeak} |`);
}
