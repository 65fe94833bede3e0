import type { Aggregate, Aggregates } from "../aggregation/aggregate.ts";

/**
 * The keys of some aggregates, in columns, so that these can be put in order: sorting the aggregates
 * themselves would keep all of them in memory. An aggregate is named by its index.
 */
export class KeyColumns {
  readonly windowStartMs: Float64Array;
  readonly windowEndMs: Float64Array;
  readonly revision: Int32Array;
  private readonly names: string[] = [];
  private readonly labels: string[] = [];
  private readonly aggFuncs: string[] = [];

  constructor(private readonly aggregates: Aggregates) {
    this.windowStartMs = new Float64Array(aggregates.length);
    this.windowEndMs = new Float64Array(aggregates.length);
    this.revision = new Int32Array(aggregates.length);
    let i = 0;
    for (const { aggFunc, labels = "", name, revision, windowEndMs, windowStartMs } of aggregates) {
      this.names.push(name);
      this.labels.push(labels);
      this.aggFuncs.push(aggFunc);
      this.windowStartMs[i] = windowStartMs;
      this.windowEndMs[i] = windowEndMs;
      this.revision[i++] = revision;
    }
  }

  /** The order of two aggregates by name, labels and function. */
  compareSeries(a: number, b: number): number {
    return compareTexts(this.names[a]!, this.names[b]!) || compareTexts(this.labels[a]!, this.labels[b]!) ||
      compareTexts(this.aggFuncs[a]!, this.aggFuncs[b]!);
  }

  /** The indices in an order. Those that are equal in it stay in theirs. */
  sorted(compare: (a: number, b: number) => number): number[] {
    return Array.from(this.names, (_, index) => index).sort(compare);
  }

  /** Some of the aggregates, by their indices. */
  select(indices: readonly number[]): Aggregates {
    return new Selection(this.aggregates, indices);
  }
}

class Selection implements Aggregates {
  constructor(private readonly aggregates: Aggregates, private readonly indices: readonly number[]) {}

  get length(): number {
    return this.indices.length;
  }

  at(index: number): Aggregate | undefined {
    return index < this.length ? this.aggregates.at(this.indices[index]!) : undefined;
  }

  *[Symbol.iterator](): Generator<Aggregate> {
    for (const index of this.indices) yield this.aggregates.at(index)!;
  }
}

function compareTexts(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
