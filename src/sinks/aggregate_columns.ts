import type { Aggregate, Aggregates } from "../aggregation/aggregate.ts";

/**
 * Aggregates in columns, so that they can be put in order: sorting the aggregates themselves would keep all
 * of them in memory.
 */
export class AggregateColumns implements Aggregates {
  private constructor(
    readonly names: readonly string[],
    readonly labels: readonly (string | undefined)[],
    readonly aggFuncs: readonly string[],
    readonly values: Float64Array,
    readonly windowStartMs: Float64Array,
    readonly windowEndMs: Float64Array,
    readonly counts: Float64Array,
    readonly revisions: Float64Array,
  ) {}

  /** Takes each of the aggregates once. */
  static of(aggregates: Aggregates): AggregateColumns {
    const { length } = aggregates;
    const names: string[] = [];
    const labels: (string | undefined)[] = [];
    const aggFuncs: string[] = [];
    const values = new Float64Array(length);
    const windowStartMs = new Float64Array(length);
    const windowEndMs = new Float64Array(length);
    const counts = new Float64Array(length);
    const revisions = new Float64Array(length);
    let i = 0;
    for (const aggregate of aggregates) {
      names.push(aggregate.name);
      labels.push(aggregate.labels);
      aggFuncs.push(aggregate.aggFunc);
      values[i] = aggregate.value;
      windowStartMs[i] = aggregate.windowStartMs;
      windowEndMs[i] = aggregate.windowEndMs;
      counts[i] = aggregate.count;
      revisions[i++] = aggregate.revision;
    }
    return new AggregateColumns(
      names,
      labels,
      aggFuncs,
      values,
      windowStartMs,
      windowEndMs,
      counts,
      revisions,
    );
  }

  get length(): number {
    return this.names.length;
  }

  at(index: number): Aggregate | undefined {
    if (index >= this.length) return undefined;
    const name = this.names[index]!;
    const labels = this.labels[index];
    const aggFunc = this.aggFuncs[index]!;
    const value = this.values[index]!;
    const windowStartMs = this.windowStartMs[index]!;
    const windowEndMs = this.windowEndMs[index]!;
    const count = this.counts[index]!;
    const revision = this.revisions[index]!;
    return labels === undefined
      ? { name, aggFunc, value, windowStartMs, windowEndMs, count, revision }
      : { name, labels, aggFunc, value, windowStartMs, windowEndMs, count, revision };
  }

  *[Symbol.iterator](): Generator<Aggregate> {
    for (let i = 0; i < this.length; i++) yield this.at(i)!;
  }

  /** The order of two aggregates, by their indices, by name, labels and function. */
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
  select(indices: readonly number[]): AggregateColumns {
    const those = <T>(column: readonly T[]) => indices.map((index) => column[index]!);
    const numbers = (column: Float64Array) => {
      const selected = new Float64Array(indices.length);
      for (let i = 0; i < indices.length; i++) selected[i] = column[indices[i]!]!;
      return selected;
    };
    return new AggregateColumns(
      those(this.names),
      indices.map((index) => this.labels[index]),
      those(this.aggFuncs),
      numbers(this.values),
      numbers(this.windowStartMs),
      numbers(this.windowEndMs),
      numbers(this.counts),
      numbers(this.revisions),
    );
  }
}

function compareTexts(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
