/** Counters of the books and beside them; each counts since the state was made. */
export const COUNTER_NAMES = [
  "received",
  "aggregated",
  "duplicate",
  "invalid",
  "future",
  "late",
  "overflow",
  "dropped",
  "lost",
  "lateArrivals",
  "notFinite",
  "deadLettersDropped",
] as const;
export type CounterName = typeof COUNTER_NAMES[number];

/** What the handler holds at the moment, read when somebody asks. */
export interface Readings {
  /** They go down a little when an operator retries dead letters; the counters made of them never do. */
  readonly counters: Readonly<Record<CounterName, number>>;
  readonly openWindows: number;
  readonly openSeries: number;
  readonly outboxRows: number;
  /** Unix ms; undefined before the first event. */
  readonly watermarkMs: number | undefined;
  readonly stateBytes: number;
  readonly sinks: readonly { readonly name: string; readonly waitingRows: number; readonly state: string }[];
  readonly buses: readonly {
    readonly name: string;
    readonly isReachable: boolean;
    readonly nextOffset: number | undefined;
  }[];
}

/** Counters since the process started, and readings as of now. */
export interface Snapshot {
  readonly counters: Readonly<Record<CounterName, number>>;
  readonly sinks: ReadonlyMap<string, SinkCounters>;
  readonly processing: Histogram;
  readonly checkpoints: Histogram;
  readonly readings: Readings;
  /** Wall clock of the snapshot, Unix ms. */
  readonly nowMs: number;
}

export interface SinkCounters {
  delivered: number;
  rejected: number;
  readonly failures: Record<FailureKind, number>;
  readonly seconds: Histogram;
}

export type FailureKind = "unavailable" | "rejected" | "misconfigured";

const STEP_SECONDS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1];
const DELIVERY_SECONDS = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60];

/** Counts of observations by upper bound, as Prometheus has them. */
export class Histogram {
  /** Observations up to each bound but above the one before; the last is for what is above all. */
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

/** Where all parts report to and all outlets read from. */
export class MetricCollector {
  private readonly processing = new Histogram(STEP_SECONDS);
  private readonly checkpoints = new Histogram(STEP_SECONDS);
  private readonly sinks = new Map<string, SinkCounters>();
  private readonly counted = Object.fromEntries(COUNTER_NAMES.map((name) => [name, 0])) as Record<
    CounterName,
    number
  >;
  private seen: Readonly<Record<CounterName, number>> | undefined;
  private read: (() => Readings) | undefined;

  constructor(private readonly nowMs: () => number) {}

  /** Where readings come from, once the parts are built. What their counters hold by now is not counted. */
  attach(read: () => Readings): void {
    this.read = read;
    const { counters, sinks } = read();
    this.seen = counters;
    for (const { name } of sinks) this.sink(name);
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

  snapshot(): Snapshot {
    const readings = this.read!();
    for (const name of COUNTER_NAMES) {
      this.counted[name] += Math.max(0, readings.counters[name] - this.seen![name]);
    }
    this.seen = readings.counters;
    return {
      counters: { ...this.counted },
      sinks: this.sinks,
      processing: this.processing,
      checkpoints: this.checkpoints,
      readings,
      nowMs: this.nowMs(),
    };
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
