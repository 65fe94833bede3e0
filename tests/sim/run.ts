/**
 * Plays seeds, on every processor, and closes with one line. Exits with 1 when a seed has broken something.
 *
 *   make sim ARGS="--seeds 5000"             seeds 1 to 5000; --from N begins elsewhere
 *   make sim ARGS="--minutes 10"             seeds from 1 on, until the time is up
 *   make sim ARGS="--seed 1234 --verbose"    one seed and all that happens in it
 *   make sim ARGS="--bus nats"               only with buses of that kind; without it, each seed is played
 *                                            with VaBuses, and with one of the others in turn
 */
import { flagsOf, refuse } from "../../scripts/flags.ts";
import { simulationDirectory } from "./replay.ts";
import type { Outcome } from "./simulation.ts";
import { WIRE_KINDS } from "./wire/wire_kind.ts";
import { type Report, type Task, VABUS } from "./worker.ts";

const flags = flagsOf({
  seeds: { type: "string" },
  minutes: { type: "string" },
  from: { type: "string", default: "1" },
  seed: { type: "string" },
  verbose: { type: "boolean", default: false },
  bus: { type: "string" },
  jobs: { type: "string", default: `${navigator.hardwareConcurrency}` },
});

/** The totals of all seeds. */
class Summary {
  readonly broken: number[] = [];
  private readonly moments = new Map<string, { passed: number; died: number }>();
  private readonly happenings = new Map<string, number>();
  private seeds = 0;
  private events = 0;
  private rows = 0;
  private simulatedMs = 0;

  add({ seed, violation, events, rows, simulatedMs, moments, happenings }: Outcome, replay: string): void {
    this.seeds++;
    this.events += events;
    this.rows += rows;
    this.simulatedMs += simulatedMs;
    for (const [where, { passed, died }] of moments) {
      const sum = this.moments.get(where) ?? { passed: 0, died: 0 };
      this.moments.set(where, { passed: sum.passed + passed, died: sum.died + died });
    }
    for (const [what, times] of happenings) {
      this.happenings.set(what, (this.happenings.get(what) ?? 0) + times);
    }
    if (violation === undefined) return;
    this.broken.push(seed);
    console.error(`seed ${seed}: ${violation}\n  replay: ${replay}`);
  }

  print(seconds: number): void {
    const number = (value: number) => String(value).padStart(10);
    for (const [where, { passed, died }] of [...this.moments].sort()) {
      console.log(`died: ${where.padEnd(34)}${number(died)}  of ${passed} moments`);
    }
    for (const [what, times] of [...this.happenings].sort()) {
      console.log(`${what.padEnd(40)}${number(times)}`);
    }
    const { seeds, events, rows, broken } = this;
    console.log(
      `${seeds} seeds, ${events} events, ${rows} aggregates, ${
        (this.simulatedMs / 3600_000).toFixed(1)
      } hours ` +
        `simulated in ${seconds.toFixed(1)} s (${Math.round(seeds / seconds * 60)} seeds a minute): ` +
        (broken.length === 0 ? "nothing lost, nothing doubled" : `${broken.length} broken`),
    );
  }
}

function work(task: Task, summary: Summary): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }: MessageEvent<Report>) => {
    if ("outcome" in data) {
      if (task.isTraced) console.log(data.outcome.trace.join("\n"));
      summary.add(data.outcome, data.replay);
      return;
    }
    worker.terminate();
    resolve();
  };
  worker.onerror = (event) => reject(new Error(event.message));
  worker.postMessage(task);
  return promise;
}

const first = Number(flags.seed ?? flags.from);
const minutes = Number(flags.minutes ?? Infinity);
const seeds = Number(flags.seeds ?? (flags.minutes === undefined ? 1000 : Infinity));
const last = flags.seed === undefined ? first + seeds - 1 : first;
const step = Math.min(Number(flags.jobs), last - first + 1);
if (!(step >= 1 && minutes > 0)) {
  refuse("--seed, --seeds, --from and --jobs are numbers from 1 on, --minutes is more than 0");
}
const { bus } = flags;
const buses: readonly string[] = [VABUS, ...WIRE_KINDS];
if (bus !== undefined && !buses.includes(bus)) refuse(`--bus is one of ${buses.join(", ")}`);
const directory = simulationDirectory();
const summary = new Summary();
const startedMs = performance.now();
try {
  await Promise.all(
    Array.from(
      { length: step },
      (_, i) =>
        work({ first: first + i, last, step, minutes, directory, isTraced: flags.verbose, bus }, summary),
    ),
  );
} finally {
  Deno.removeSync(directory, { recursive: true });
}
summary.print((performance.now() - startedMs) / 1000);
Deno.exit(summary.broken.length > 0 ? 1 : 0);
