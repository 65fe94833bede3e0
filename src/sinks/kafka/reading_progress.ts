import type { PartitionEnds } from "./kafka_session.ts";

/**
 * The progress of a reader of a topic, in offsets. It ends at the ends of the partitions when it began,
 * whether the records before them were committed or not.
 */
export class ReadingProgress {
  private readonly partitions: Map<number, PartitionEnds & { next: number }>;

  constructor(ends: readonly PartitionEnds[]) {
    this.partitions = new Map(ends.map((end) => [end.partition, { ...end, next: end.firstOffset }]));
  }

  /** Returns whether the reader has come nearer to the end. */
  advance(partition: number, next: number): boolean {
    const at = this.partitions.get(partition);
    if (at === undefined || at.next >= at.endOffset || next <= at.next) return false;
    at.next = next;
    return true;
  }

  get isComplete(): boolean {
    return [...this.partitions.values()].every(({ next, endOffset }) => next >= endOffset);
  }

  /** The partitions, as of now, where an open transaction stops the reader. */
  heldBack(ends: Iterable<PartitionEnds>): PartitionEnds[] {
    return [...ends].filter(({ partition, stableOffset }) => {
      const at = this.partitions.get(partition);
      return at !== undefined && at.next < at.endOffset && at.next >= stableOffset;
    });
  }

  get text(): string {
    const partitions = [...this.partitions.values()];
    const of = (amount: (partition: PartitionEnds & { next: number }) => number) =>
      partitions.reduce((sum, partition) => sum + Math.max(0, amount(partition)), 0);
    const held = this.heldBack(partitions).map(({ partition }) => partition);
    return [
      `${of(({ firstOffset, next, endOffset }) => Math.min(next, endOffset) - firstOffset)} of ` +
      `${of(({ firstOffset, endOffset }) => endOffset - firstOffset)} offsets read`,
      held.length > 0 && `waiting for an open transaction to end in partition ${held.join(", ")}`,
    ].filter(Boolean).join(", ");
  }
}
