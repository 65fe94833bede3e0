/**
 * The expected results of a stream of events, calculated in the simplest way: all values of a series are
 * kept, and each function is its textbook definition over them. Shares no code with the product.
 */
import type { StreamEvent } from "./event_stream.ts";

/** A row of a sink, by the names of the public contract. Times are Unix ms. */
export interface Row {
  readonly name: string;
  /** JSON; not there: it has none. */
  readonly labels?: string;
  readonly aggFunc: string;
  readonly windowStartMs: number;
  readonly windowEndMs: number;
  readonly value: number;
  readonly count: number;
  readonly revision: number;
  readonly instance: string;
}

/** Windows of one length; one begins every `hopMs`. */
export interface Interval {
  readonly lengthMs: number;
  readonly hopMs: number;
}

/** An event's share in an aggregate; times are Unix ms. */
export interface Reading {
  readonly value: number;
  readonly timeMs: number;
}

export interface ExpectedCounts {
  received: number;
  aggregated: number;
  duplicate: number;
  invalid: number;
  late: number;
  future: number;
}

const SUM_TOLERANCE = 1e-9;
const SKETCH_TOLERANCE = 0.01;
const MAX_FAULTS_SHOWN = 10;

export class Oracle {
  readonly counts: ExpectedCounts = {
    received: 0,
    aggregated: 0,
    duplicate: 0,
    invalid: 0,
    late: 0,
    future: 0,
  };
  private readonly series = new Map<string, Reading[]>();

  private readonly intervals: readonly Interval[];

  /** @param windows The length of the windows, ms; or all that `AGGREGATION_INTERVAL` lists. */
  constructor(windows: number | readonly Interval[]) {
    this.intervals = typeof windows === "number" ? [{ lengthMs: windows, hopMs: windows }] : windows;
  }

  /** Adds a published event, in the order of publication. */
  add(event: StreamEvent): void {
    this.counts.received++;
    this.counts[event.fate]++;
    if (event.fate !== "aggregated") return;
    for (const { lengthMs, hopMs } of this.intervals) {
      const lastMs = Math.floor(event.timeMs / hopMs) * hopMs;
      for (let startMs = lastMs; startMs + lengthMs > event.timeMs; startMs -= hopMs) {
        this.addTo(startMs, startMs + lengthMs, event);
      }
    }
  }

  private addTo(windowStartMs: number, windowEndMs: number, event: StreamEvent): void {
    const key = keyOf({ ...event, windowStartMs, windowEndMs });
    const readings = this.series.get(key);
    if (readings) readings.push(event);
    else this.series.set(key, [event]);
  }

  /** Number of expected rows. */
  get rowCount(): number {
    return this.series.size;
  }

  /**
   * Compares the final rows of a sink with the expected ones: no row may be missing, surplus or wrong.
   *
   * @param accepts Selects the rows that go to this sink. Default: all.
   * @throws with the first differences.
   */
  assertRows(
    rows: Iterable<Row>,
    where: string,
    instance: string,
    accepts: (name: string) => boolean = () => true,
  ): void {
    const faults: string[] = [];
    const missing = new Set(this.series.keys());
    for (const key of missing) if (!accepts(nameOf(key))) missing.delete(key);
    const expectedCount = missing.size;
    let rowCount = 0;
    for (const row of rows) {
      rowCount++;
      const key = keyOf(row);
      const readings = this.series.get(key);
      if (!readings || !accepts(row.name)) faults.push(`${key} should not be there`);
      else if (!missing.delete(key)) faults.push(`${key} is there twice`);
      else {
        const fault = this.faultOf(row, readings, instance);
        if (fault !== undefined) faults.push(`${key}: ${fault}`);
      }
    }
    for (const key of missing) faults.push(`${key} is missing (${this.series.get(key)!.length} events)`);
    if (faults.length === 0 && expectedCount > 0) return;
    throw new Error(
      `${where}: ${rowCount} rows where ${expectedCount} should be, ${faults.length} faults\n` +
        faults.slice(0, MAX_FAULTS_SHOWN).join("\n"),
    );
  }

  private faultOf(row: Row, readings: readonly Reading[], instance: string): string | undefined {
    if (row.count !== readings.length) return `count is ${row.count} instead of ${readings.length}`;
    if (!Number.isInteger(row.revision) || row.revision < 0) return `revision is ${row.revision}`;
    if (row.instance !== instance) return `instance is ${row.instance}`;
    return valueFault(row.aggFunc, row.value, readings);
  }
}

/** What is wrong with the value of an aggregate over `readings`; undefined when it is right. */
export function valueFault(
  aggFunc: string,
  actual: number,
  readings: readonly Reading[],
): string | undefined {
  const [accepted, tolerance] = acceptedValues(aggFunc, readings);
  if (accepted.some((value) => isClose(actual, value, tolerance))) return undefined;
  return `value is ${actual} instead of ${accepted.join(" or ")}`;
}

/** The allowed values, and their relative tolerance. */
function acceptedValues(aggFunc: string, readings: readonly Reading[]): [number[], number] {
  const values = readings.map((reading) => reading.value);
  switch (aggFunc) {
    case "sum":
      return [[exactSum(values)], SUM_TOLERANCE];
    case "avg":
      return [[exactSum(values) / values.length], SUM_TOLERANCE];
    case "count":
      return [[values.length], 0];
    case "min":
      return [[values.reduce((least, value) => Math.min(least, value))], 0];
    case "max":
      return [[values.reduce((greatest, value) => Math.max(greatest, value))], 0];
    case "first":
      return [[readings.reduce((first, next) => next.timeMs < first.timeMs ? next : first).value], 0];
    case "last":
      return [[readings.reduce((last, next) => next.timeMs >= last.timeMs ? next : last).value], 0];
    case "stddev":
      return [[sampleStandardDeviation(values)], SUM_TOLERANCE];
  }
  const percent = Number(/^p(\d+(?:\.\d+)?)$/.exec(aggFunc)?.[1]);
  if (!(percent >= 0 && percent <= 100)) throw new Error(`the oracle knows no function ${aggFunc}`);
  return [percentileNeighbours(values, percent / 100), SKETCH_TOLERANCE];
}

/**
 * The sum as if with endless precision, rounded once: Shewchuk's expansions (1997), in which each partial
 * holds what the greater ones could not.
 */
export function exactSum(values: readonly number[]): number {
  let partials: number[] = [];
  for (const value of values) {
    const kept: number[] = [];
    let carry = value;
    for (const partial of partials) {
      const [greater, smaller] = Math.abs(carry) < Math.abs(partial) ? [partial, carry] : [carry, partial];
      const sum = greater + smaller;
      const lost = smaller - (sum - greater);
      if (lost !== 0) kept.push(lost);
      carry = sum;
    }
    kept.push(carry);
    partials = kept;
  }
  return partials.reduce((sum, partial) => sum + partial, 0);
}

/** Calculated in two passes. A single value has no deviation and gives 0. */
function sampleStandardDeviation(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const mean = exactSum(values) / values.length;
  return Math.sqrt(exactSum(values.map((value) => (value - mean) ** 2)) / (values.length - 1));
}

/** The values next to the quantile: definitions of a percentile differ in which neighbour they take. */
function percentileNeighbours(values: readonly number[], quantile: number): number[] {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = quantile * (sorted.length - 1);
  const nearestRank = Math.max(Math.ceil(quantile * sorted.length) - 1, 0);
  return [...new Set([Math.floor(rank), Math.ceil(rank), nearestRank])].map((index) => sorted[index]!);
}

function isClose(actual: number, expected: number, tolerance: number): boolean {
  return Math.abs(actual - expected) <= tolerance * Math.abs(expected);
}

/**
 * The series, function and window of a row, whatever its instance. Labels are compared as JSON, since
 * PostgreSQL writes it in its own way.
 */
export function keyOf(
  { name, labels = "{}", aggFunc, windowStartMs, windowEndMs }: Pick<
    Row,
    "name" | "labels" | "aggFunc" | "windowStartMs" | "windowEndMs"
  >,
): string {
  const sorted = JSON.stringify(
    Object.entries(JSON.parse(labels)).map((label) => JSON.stringify(label)).sort(),
  );
  return [name, sorted, aggFunc, windowStartMs, windowEndMs].join("\u0000");
}

function nameOf(key: string): string {
  return key.slice(0, key.indexOf("\u0000"));
}
