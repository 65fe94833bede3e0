import { valueOf } from "../../aggregation/accumulator.ts";
import type { Aggregate, Aggregates } from "../../aggregation/aggregate.ts";
import { functionName } from "../../event/agg_function.ts";
import { byCodePoints } from "../../event/labels.ts";
import { KeyOrder, type Keys } from "./key_order.ts";
import type { Segment } from "./segment.ts";

/** A segment with its window, Unix ms. */
interface Part {
  readonly segment: Segment;
  readonly windowStartMs: number;
  readonly windowEndMs: number;
  /** The index of its first aggregate. */
  readonly from: number;
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
    this.parts.push({ segment, windowStartMs, windowEndMs, from: this.length });
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

  order(): Int32Array {
    const order = new Int32Array(this.length);
    const keys = new KeyOrder(this.keys(), order, (a, b) => this.compareFunctions(a, b));
    const parts = this.parts.map((part, i) => ({ ...part, to: this.parts[i + 1]?.from ?? this.length }))
      .sort((a, b) => a.windowStartMs - b.windowStartMs || a.windowEndMs - b.windowEndMs || a.from - b.from);
    let [start, end] = [0, 0];
    for (const [i, { from, to, windowEndMs, windowStartMs }] of parts.entries()) {
      for (let index = from; index < to; index++) order[end++] = index;
      const next = parts[i + 1];
      if (next?.windowStartMs === windowStartMs && next.windowEndMs === windowEndMs) continue;
      keys.sort(start, end);
      start = end;
    }
    keys.release();
    return order;
  }

  release(): void {
    for (const { segment } of this.parts) segment.release();
    this.parts.length = 0;
  }

  *[Symbol.iterator](): Generator<Aggregate> {
    for (let i = 0; i < this.length; i++) yield this.at(i)!;
  }

  /** The order of two aggregates of one series and window. */
  private compareFunctions(a: number, b: number): number {
    const [one, other] = [this.partOf[a]!, this.partOf[b]!].map((part) => this.parts[part]!.segment);
    const [row, otherRow] = [this.rowOf[a]!, this.rowOf[b]!];
    return byCodePoints(functionName(one!.functionId[row]!), functionName(other!.functionId[otherRow]!)) ||
      one!.revision[row]! - other!.revision[otherRow]! || a - b;
  }

  /** The keys of all aggregates, in a copy of those of the segments. */
  private keys(): Keys {
    const bytes = new Uint8Array(
      this.parts.reduce((sum, { segment }) => sum + segment.keys.bytes.length, 0),
    );
    const [starts, ends] = [new Int32Array(this.length), new Int32Array(this.length)];
    let [at, index] = [0, 0];
    for (const [number, { segment: { keys } }] of this.parts.entries()) {
      bytes.set(keys.bytes, at);
      for (; this.partOf[index] === number; index++) {
        starts[index] = at + keys.start(this.rowOf[index]!);
        ends[index] = at + keys.end(this.rowOf[index]!);
      }
      at += keys.bytes.length;
    }
    return { bytes, starts, ends };
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
