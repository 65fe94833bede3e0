import type { Partition } from "../contract/source.ts";
import type { EventBatch } from "../event/event_batch.ts";

/** Events of the first read of a partition, which shows where it is. Each further one doubles them. */
const FIRST_LIMIT = 16;
/** Events of a batch whose times are looked at. */
const SAMPLES = 5;

/**
 * Keeps partitions of a source together in event time: those that are ahead wait until the others come near.
 * Then windows stay open for the span between the nearest ones only, however different the times are that
 * the partitions begin at. A partition that is at its end or fails does not let the others wait.
 */
export class ReadAlignment {
  /** The partitions that others wait for. */
  private readonly members = new Set<AlignedPartition>();
  private readonly waiting = new Map<AlignedPartition, () => void>();

  /** @param spanMs How far a partition may be ahead of the one that is furthest behind. */
  constructor(private readonly spanMs: () => number) {}

  /** How many partitions are read. */
  get size(): number {
    return this.members.size;
  }

  add(member: AlignedPartition): void {
    this.members.add(member);
  }

  remove(member: AlignedPartition): void {
    if (this.members.delete(member)) this.wake();
  }

  /** Ends the waiting of those that are near enough by now. */
  wake(): void {
    const { waiting } = this;
    if (waiting.size === 0) return;
    const leastMs = this.leastMs();
    for (const [member, end] of waiting) if (!this.isAhead(member, leastMs)) end();
  }

  /** See {@link AlignedPartition.near}. */
  async near(member: AlignedPartition, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.isAhead(member, this.leastMs())) await this.wait(member, signal);
  }

  private async wait(member: AlignedPartition, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = () => resolve();
    signal.addEventListener("abort", end);
    this.waiting.set(member, end);
    await promise;
    this.waiting.delete(member);
    signal.removeEventListener("abort", end);
  }

  private isAhead(member: AlignedPartition, leastMs: number): boolean {
    return this.members.has(member) && member.timeMs > leastMs + this.spanMs();
  }

  /** How far the partition is that is furthest behind. */
  private leastMs(): number {
    let least = Infinity;
    for (const { timeMs } of this.members) least = Math.min(least, timeMs);
    return least;
  }
}

/** A partition among those of its source. One that does not wait for others is none of them. */
export class AlignedPartition {
  /** How far it is read, Unix ms; -Infinity: before its first valid event. */
  timeMs = -Infinity;
  private firstLimit = FIRST_LIMIT;

  constructor(
    private readonly alignment: ReadAlignment,
    private readonly partition: Pick<Partition, "waitsForOthers">,
  ) {}

  /** It has something to read, or may have. */
  begin(): void {
    if (this.partition.waitsForOthers) this.alignment.add(this);
  }

  /** It has nothing more to read, or cannot be read now. The others do not wait for it. */
  rest(): void {
    this.alignment.remove(this);
  }

  /** Resolves when it is near enough to the others to be read, or the signal fires. */
  async near(signal: AbortSignal): Promise<void> {
    if (!this.partition.waitsForOthers) this.rest();
    await this.alignment.near(this, signal);
  }

  /** How many events to ask for: few, until its time is known. */
  limit(limit: number): number {
    const isAlone = !this.partition.waitsForOthers || this.alignment.size <= 1;
    return isAlone || this.timeMs > -Infinity ? limit : Math.min(limit, this.firstLimit);
  }

  /** Events of it were read. */
  hasRead(batch: EventBatch): void {
    if (!this.partition.waitsForOthers) return;
    this.alignment.add(this);
    this.firstLimit *= 2;
    if (batch.count === 0) return;
    this.timeMs = middleOf(batch);
    this.alignment.wake();
  }
}

/** The median of a few of its times: a single event with a wrong time does not matter. */
function middleOf({ timeMs, count }: EventBatch): number {
  const times = Array.from({ length: SAMPLES }, (_, i) => timeMs[Math.floor((i + 0.5) * count / SAMPLES)]!);
  return times.sort((a, b) => a - b)[SAMPLES >> 1]!;
}
