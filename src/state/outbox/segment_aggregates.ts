import { valueOf } from "../../aggregation/accumulator.ts";
import type { Aggregate, Aggregates } from "../../aggregation/aggregate.ts";
import { functionName } from "../../event/agg_function.ts";
import type { Segment } from "./segment.ts";

/** A segment with its window, Unix ms. */
interface Part {
  readonly segment: Segment;
  readonly windowStartMs: number;
  readonly windowEndMs: number;
}

/** Rows of some segments as aggregates, each of which is made when it is asked for. */
export class SegmentAggregates implements Aggregates {
  private readonly parts: Part[] = [];
  /** Of each aggregate: the index of its part, and its row there. */
  private readonly partOf: number[] = [];
  private readonly rowOf: number[] = [];

  get length(): number {
    return this.rowOf.length;
  }

  /** Begins the rows of a segment, whose window is given in Unix ms. */
  begin(segment: Segment, windowStartMs: number, windowEndMs: number): void {
    this.parts.push({ segment, windowStartMs, windowEndMs });
  }

  /** Adds a row of the segment that was begun last. */
  add(row: number): void {
    this.partOf.push(this.parts.length - 1);
    this.rowOf.push(row);
  }

  at(index: number): Aggregate | undefined {
    const part = this.parts[this.partOf[index] ?? -1];
    return part && toAggregate(part.segment, this.rowOf[index]!, part.windowStartMs, part.windowEndMs);
  }

  release(): void {
    for (const { segment } of this.parts) segment.release();
    this.parts.length = 0;
  }

  *[Symbol.iterator](): Generator<Aggregate> {
    for (let i = 0; i < this.length; i++) yield this.at(i)!;
  }
}

/** A row of a segment as an aggregate. */
export function toAggregate(
  segment: Segment,
  row: number,
  windowStartMs: number,
  windowEndMs: number,
): Aggregate {
  // Spreading the series would take longer than all the rest.
  const { name, labels } = segment.series(row);
  const aggFunc = functionName(segment.functionId[row]!);
  const value = valueOf(segment.accumulator(row));
  const count = segment.count[row]!;
  const revision = segment.revision[row]!;
  return labels === undefined
    ? { name, aggFunc, value, windowStartMs, windowEndMs, count, revision }
    : { name, labels, aggFunc, value, windowStartMs, windowEndMs, count, revision };
}
