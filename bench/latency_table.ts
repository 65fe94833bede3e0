import { measureCloseToRow, type Stream } from "./latency.ts";
import { timedKafka, timedPostgres, type TimedSink } from "./latency_sinks.ts";
import { grouped, quantile, say } from "./report.ts";

const WINDOWS = 30;
const INTERVALS_S = [1, 0.1];
const STREAMS: readonly Stream[] = [{ names: 10, everyMs: 10 }, { names: 1000, everyMs: 10 }];
const ONE_WAY_MS = 5;
const SINKS: Readonly<Record<string, () => Promise<TimedSink>>> = {
  PostgreSQL: timedPostgres,
  Kafka: timedKafka,
  [`Kafka, ${2 * ONE_WAY_MS} ms away`]: () => timedKafka(ONE_WAY_MS),
};

/** Prints how long a row takes from the close of its window, on an idle machine and beside many events. */
export async function latency(): Promise<void> {
  say(`## From a window's close to its row

${WINDOWS} windows of 1 s, events in real time, real servers on this machine. From the moment before the event that closes the
window is published. A row is in PostgreSQL at its \`written_at\` (when the transaction that wrote it began), and in Kafka once a
consumer has it that reads what is committed. Sender, bus, servers and consumer share the cores with the handler. What is away
is behind a proxy that delays each piece, either way.

| sink | names | events/s | checkpoint interval | p50 | p99 | longest |
|---|---:|---:|---:|---:|---:|---:|`);
  for (const [name, start] of Object.entries(SINKS)) {
    for (const stream of STREAMS) {
      for (const interval of INTERVALS_S) {
        await using sink = await start();
        const { eventsPerSecond, rowsMs } = await measureCloseToRow(sink, stream, WINDOWS, interval);
        const sorted = [...rowsMs].sort((a, b) => a - b);
        const [p50, p99, longest] = [0.5, 0.99, 1].map((q) => `${Math.round(quantile(sorted, q))} ms`);
        say(
          `| ${name} | ${grouped(stream.names)} | ${grouped(Math.round(eventsPerSecond))} ` +
            `| ${interval} s${interval === 1 ? " (default)" : ""} | ${p50} | ${p99} | ${longest} |`,
        );
      }
    }
  }
}
