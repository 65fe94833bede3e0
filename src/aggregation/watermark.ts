/**
 * How far event time has come. The watermark of a bus is the lesser of its greatest event time and the wall clock, less the
 * allowed lateness; the handler's is the least of its buses'. It goes back only with the wall clock ({@link cap}): a bus that
 * wakes up with older events finds their windows closed and corrects them. A bus counts as idle only by its owner's word
 * (`setIdle`), and idle buses do not hold the others back.
 */
export class Watermark {
  private readonly greatestMs: Float64Array;
  private readonly idle: Uint8Array;
  private reachedMs = -Infinity;

  /** @param allowedLatenessMs May change; what is reached stays reached. */
  constructor(busCount: number, public allowedLatenessMs: number) {
    this.greatestMs = new Float64Array(busCount).fill(-Infinity);
    this.idle = new Uint8Array(busCount);
  }

  /** The handler's watermark, Unix ms; -Infinity before the first event. Windows that end at it or before it are closed. */
  get valueMs(): number {
    return this.reachedMs;
  }

  /** Greatest event time of a bus, no more than the wall clock, Unix ms; -Infinity before its first event. */
  greatestOf(bus: number): number {
    return this.greatestMs[bus]!;
  }

  /** The least of the buses' greatest event times: what lies behind it by the horizon can no longer change. */
  leastGreatestMs(): number {
    return this.greatestMs.reduce((least, greatest) => Math.min(least, greatest), Infinity);
  }

  /** The greatest event time that the other buses allow `bus` to move the watermark to, before lateness. */
  limitOfOthers(bus: number): number {
    let limit = Infinity;
    for (let other = 0; other < this.greatestMs.length; other++) {
      if (other !== bus && !this.idle[other]) limit = Math.min(limit, this.greatestMs[other]!);
    }
    return limit;
  }

  /**
   * Takes back what lies ahead of the wall clock: the clock was ahead when it was reached, and has been set right. Returns whether
   * the watermark has gone back, so that windows that are closed may end after it.
   */
  cap(nowMs: number): boolean {
    for (let bus = 0; bus < this.greatestMs.length; bus++) {
      if (this.greatestMs[bus]! > nowMs) this.greatestMs[bus] = nowMs;
    }
    const limitMs = nowMs - this.allowedLatenessMs;
    if (this.reachedMs <= limitMs) return false;
    this.reachedMs = limitMs;
    return true;
  }

  /** Takes over what a bus has reached, and moves the watermark where the buses that are not idle let it. */
  advance(bus: number, greatestMs: number): void {
    if (greatestMs > this.greatestMs[bus]!) this.greatestMs[bus] = greatestMs;
    this.settle();
  }

  /** A bus goes on where another one's event time had come to; the watermark does not go back for it. */
  goOnAt(bus: number, greatestMs: number): void {
    this.greatestMs[bus] = greatestMs;
    this.settle();
  }

  /** Each of two buses goes on where the other one's event time had come to. */
  exchange(bus: number, other: number): void {
    const { greatestMs } = this;
    [greatestMs[bus], greatestMs[other]] = [greatestMs[other]!, greatestMs[bus]!];
  }

  setIdle(bus: number, idle: boolean): void {
    this.idle[bus] = idle ? 1 : 0;
    this.settle();
  }

  allIdle(): boolean {
    return this.idle.every((idle) => idle === 1);
  }

  /** Puts back what a checkpoint kept. */
  restore(valueMs: number, greatestMs: readonly number[]): void {
    this.reachedMs = valueMs;
    this.greatestMs.set(greatestMs);
  }

  private settle(): void {
    let least = Infinity;
    for (let bus = 0; bus < this.greatestMs.length; bus++) {
      if (!this.idle[bus]) least = Math.min(least, this.greatestMs[bus]!);
    }
    if (least === Infinity) return;
    this.reachedMs = Math.max(this.reachedMs, least - this.allowedLatenessMs);
  }
}
