import type { Aggregate, Aggregates } from "../aggregation/aggregate.ts";

/**
 * Aggregates in columns, so that they can be put in order: sorting the aggregates themselves would keep all
 * of them in memory. An aggregate is named by its index.
 */
export class AggregateColumns {
  readonly windowStartMs: Float64Array;
  readonly windowEndMs: Float64Array;
  readonly revision: Int32Array;
  private readonly names: string[] = [];
  private readonly labels: (string | undefined)[] = [];
  private readonly aggFuncs: string[] = [];
  private readonly values: Float64Array;
  private readonly counts: Float64Array;

  constructor(aggregates: Aggregates) {
    const { length } = aggregates;
    this.windowStartMs = new Float64Array(length);
    this.windowEndMs = new Float64Array(length);
    this.revision = new Int32Array(length);
    this.values = new Float64Array(length);
    this.counts = new Float64Array(length);
    let i = 0;
    for (const aggregate of aggregates) {
      this.names.push(aggregate.name);
      this.labels.push(aggregate.labels);
      this.aggFuncs.push(aggregate.aggFunc);
      this.values[i] = aggregate.value;
      this.windowStartMs[i] = aggregate.windowStartMs;
      this.windowEndMs[i] = aggregate.windowEndMs;
      this.counts[i] = aggregate.count;
      this.revision[i++] = aggregate.revision;
    }
  }

  /** The order of two aggregates by name, labels and function. */
  compareSeries(a: number, b: number): number {
    return compareTexts(this.names[a]!, this.names[b]!) ||
      compareTexts(this.labels[a] ?? "", this.labels[b] ?? "") ||
      compareTexts(this.aggFuncs[a]!, this.aggFuncs[b]!);
  }

  /** The indices in an order. Those that are equal in it stay in theirs. */
  sorted(compare: (a: number, b: number) => number): number[] {
    return Array.from(this.names, (_, index) => index).sort(compare);
  }

  /** Some of the aggregates, by their indices. */
  select(indices: readonly number[]): Aggregates {
    const at = (index: number) => this.at(index);
    return {
      length: indices.length,
      at: (i) => i < indices.length ? at(indices[i]!) : undefined,
      *[Symbol.iterator]() {
        for (const index of indices) yield at(index);
      },
    };
  }

  private at(index: number): Aggregate {
    const name = this.names[index]!;
    const labels = this.labels[index];
    const aggFunc = this.aggFuncs[index]!;
    const value = this.values[index]!;
    const windowStartMs = this.windowStartMs[index]!;
    const windowEndMs = this.windowEndMs[index]!;
    const count = this.counts[index]!;
    const revision = this.revision[index]!;
    return labels === undefined
      ? { name, aggFunc, value, windowStartMs, windowEndMs, count, revision }
      : { name, labels, aggFunc, value, windowStartMs, windowEndMs, count, revision };
  }
}

function compareTexts(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
