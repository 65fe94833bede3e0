import { startKafka } from "../tests/support/kafka_broker.ts";
import { KafkaTopic } from "../tests/sources/kafka/kafka_topic.ts";
import {
  type FilledTopic,
  fillTopic,
  type FleetUsage,
  measureFleet,
  PARTITIONS,
  SERIES,
  WINDOWS,
} from "./instances.ts";
import { grouped, median, note, say } from "./report.ts";

const INSTANCE_COUNTS = [1, 2, 4];

/** Prints what an event costs with one, two and four instances on one topic. */
export async function instances(events: number, rounds: number): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const broker = await startKafka();
  stack.defer(() => broker.remove());
  const first = Math.floor(events / 10);
  const topics: FilledTopic[] = [];
  for (const count of [first, events]) {
    const topic = await KafkaTopic.create(broker.brokers, PARTITIONS);
    stack.defer(() => topic.remove());
    topics.push(await fillTopic(topic, count, note));
  }
  const usages = INSTANCE_COUNTS.map((count) => ({
    count,
    ofFew: [] as FleetUsage[],
    ofAll: [] as FleetUsage[],
  }));
  const [few, all] = topics as [FilledTopic, FilledTopic];
  for (let round = 1; round <= rounds; round++) {
    for (const { count, ofFew, ofAll } of usages) {
      ofFew.push(await measureFleet(few, count));
      ofAll.push(await measureFleet(all, count));
      const [a, b] = [ofFew, ofAll].map((some) => `${some.at(-1)!.cpuSeconds.toFixed(1)} CPU-s`);
      note(
        `round ${round} of ${rounds}, instances ${count}: ${a} for ${grouped(first)} events, ${b} for all`,
      );
    }
  }
  say(`## Several instances on one topic of Kafka

${
    grouped(events)
  } events of ${SERIES} series over ${WINDOWS} windows of 60 s in ${PARTITIONS} partitions, by series; \`sum\`, \`count\`,
\`min\` and \`max\`; a SQLite file each; medians of ${rounds} rounds in turn. CPU is user + system time of all instances, from their
starts to their ends. Starts and warming up are in the first tenth: the same over a topic of ${
    grouped(first)
  } events. In each run the
rows of all instances stood for each event once, ${grouped(all.count)} with a sum of ${grouped(all.sum)}.

| instances | CPU, s | events/CPU-s | of one instance | CPU of the first tenth, s | events/CPU-s of the rest | of one instance | memory, all together |
|---:|---:|---:|---:|---:|---:|---:|---:|`);
  const rows = usages.map(({ count, ofFew, ofAll }) => {
    const [early, whole] = [ofFew, ofAll].map((some) => median(some.map(({ cpuSeconds }) => cpuSeconds)));
    const rates = [events / whole!, (events - first) / (whole! - early!)];
    return {
      count,
      early: early!,
      whole: whole!,
      rates,
      peak: median(ofAll.map(({ peakBytes }) => peakBytes)),
    };
  });
  for (const { count, early, whole, rates, peak } of rows) {
    const [rate, later] = rates.map((one, i) =>
      `${grouped(Math.round(one))} | **${(one / rows[0]!.rates[i]!).toFixed(2)}**`
    );
    say(
      `| ${count} | ${whole.toFixed(1)} | ${rate} | ${early.toFixed(1)} | ${later} | ${
        Math.round(peak / 1e6)
      } MB |`,
    );
  }
}
