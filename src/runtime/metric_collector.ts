import { BOOK_ENTRIES } from "../aggregation/event_books.ts";
import { COUNTERS } from "../state/checkpoint/counters.ts";
import type { Counts } from "../state/checkpoint/counts.ts";

/** The work since the process started; counters never go down. */
export interface Activity {
  readonly counts: Counts;
  readonly sinks: ReadonlyMap<string, SinkCounters>;
  /** Seconds to scan and aggregate a batch. */
  readonly processing: Histogram;
  /** Seconds of a checkpoint. */
  readonly checkpoints: Histogram;
}

export interface SinkCounters {
  delivered: number;
  rejected: number;
  readonly failures: Record<FailureKind, number>;
  readonly seconds: Histogram;
}

export type FailureKind = "unavailable" | "rejected" | "misconfigured";

const NAMES = [...BOOK_ENTRIES, ...COUNTERS];
const STEP_SECONDS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1];
const DELIVERY_SECONDS = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60];

/** Counts of observations by upper bound, as Prometheus has them. */
export class Histogram {
  /** Observations up to each bound and above the one before. The last one counts those above all bounds. */
  readonly counts: number[];
  sum = 0;
  count = 0;

  constructor(readonly bounds: readonly number[]) {
    this.counts = Array(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    const bucket = this.bounds.findIndex((bound) => value <= bound);
    this.counts[bucket < 0 ? this.bounds.length : bucket]!++;
    this.sum += value;
    this.count++;
  }
}

/** All parts report to it, and all outlets of metrics read from it. */
export class MetricCollector {
  private readonly processing = new Histogram(STEP_SECONDS);
  private readonly checkpoints = new Histogram(STEP_SECONDS);
  private readonly sinks = new Map<string, SinkCounters>();
  private readonly counted = Object.fromEntries(NAMES.map((name) => [name, 0])) as unknown as Counts;
  private seen: Readonly<Counts> | undefined;

  /** Takes the counts before the process has done anything: they are not its own work. */
  begin(counts: Readonly<Counts>, sinks: readonly string[]): void {
    this.seen = counts;
    for (const name of sinks) this.sink(name);
  }

  /** A batch was scanned and aggregated. */
  processed(seconds: number): void {
    this.processing.observe(seconds);
  }

  checkpointed(seconds: number): void {
    this.checkpoints.observe(seconds);
  }

  delivered(sink: string, aggregates: number, seconds: number): void {
    const counters = this.sink(sink);
    counters.delivered += aggregates;
    counters.seconds.observe(seconds);
  }

  failed(sink: string, kind: FailureKind): void {
    this.sink(sink).failures[kind]++;
  }

  rejected(sink: string, aggregates: number): void {
    this.sink(sink).rejected += aggregates;
  }

  /** @param counts The present counts. An operator's retry lowers them, but not the counters. */
  activity(counts: Readonly<Counts>): Activity {
    for (const name of NAMES) this.counted[name] += Math.max(0, counts[name] - this.seen![name]);
    this.seen = counts;
    const { sinks, processing, checkpoints } = this;
    return { counts: { ...this.counted }, sinks, processing, checkpoints };
  }

  private sink(name: string): SinkCounters {
    const known = this.sinks.get(name);
    if (known) return known;
    const counters: SinkCounters = {
      delivered: 0,
      rejected: 0,
      failures: { unavailable: 0, rejected: 0, misconfigured: 0 },
      seconds: new Histogram(DELIVERY_SECONDS),
    };
    this.sinks.set(name, counters);
    return counters;
  }
}
