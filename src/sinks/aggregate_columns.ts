import type { Aggregate, Aggregates } from "../aggregation/aggregate.ts";

/** Aggregates in columns, as an order has them. */
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

  /** @param order Indices of the aggregates. */
  static of(aggregates: Aggregates, order: Int32Array): AggregateColumns {
    const { length } = order;
    const names: string[] = [];
    const labels: (string | undefined)[] = [];
    const aggFuncs: string[] = [];
    const values = new Float64Array(length);
    const windowStartMs = new Float64Array(length);
    const windowEndMs = new Float64Array(length);
    const counts = new Float64Array(length);
    const revisions = new Float64Array(length);
    for (let i = 0; i < length; i++) {
      const aggregate = aggregates.at(order[i]!)!;
      names.push(aggregate.name);
      labels.push(aggregate.labels);
      aggFuncs.push(aggregate.aggFunc);
      values[i] = aggregate.value;
      windowStartMs[i] = aggregate.windowStartMs;
      windowEndMs[i] = aggregate.windowEndMs;
      counts[i] = aggregate.count;
      revisions[i] = aggregate.revision;
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

  /** Whether two neighbours, the later one at `index`, are of one series and window. */
  isSameAsBefore(index: number): boolean {
    const before = index - 1;
    return this.names[index] === this.names[before] && this.labels[index] === this.labels[before] &&
      this.aggFuncs[index] === this.aggFuncs[before] &&
      this.windowStartMs[index] === this.windowStartMs[before] &&
      this.windowEndMs[index] === this.windowEndMs[before];
  }
}
