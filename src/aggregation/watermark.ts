import { LeastTree } from "./least_tree.ts";

/** What the number of a partition stands for: one that holds the others back, one that is idle, or none. */
const HOLDING = 0;
const IDLE = 1;
const FREE = 2;

/**
 * How far event time has come. The watermark of a partition is the lesser of its greatest event time and the
 * wall clock, less the allowed lateness. The handler's watermark is the least of its partitions'. It goes
 * back only with the wall clock ({@link cap}): a partition that comes back with older events finds their
 * windows closed, and corrects them. A partition is idle only when its owner says so (`setIdle`). Idle
 * partitions do not hold the others back, and removed ones no longer count.
 */
export class Watermark {
  private greatestMs: Float64Array;
  private standing: Uint8Array;
  /** The greatest event times of the partitions that hold the others back. */
  private readonly holding = new LeastTree();
  private holdingCount = 0;
  /**
   * An upper bound of the partitions' greatest event times. The partition that had it may have been removed.
   */
  private mostMs = -Infinity;
  private reachedMs = -Infinity;
  private capped = 0;

  /**
   * @param count Partitions at the start, numbered from 0.
   * @param allowedLatenessMs May change later; the watermark does not go back for it.
   */
  constructor(count: number, public allowedLatenessMs: number) {
    this.greatestMs = new Float64Array(count).fill(-Infinity);
    this.standing = new Uint8Array(count);
    this.holdingCount = count;
    for (let number = 0; number < count; number++) this.holding.set(number, -Infinity);
  }

  /**
   * The handler's watermark, Unix ms; -Infinity before the first event. Windows that end at it or before it
   * are closed.
   */
  get valueMs(): number {
    return this.reachedMs;
  }

  /** How often event time was taken back since the start. */
  get capCount(): number {
    return this.capped;
  }

  /**
   * Greatest event time of a partition, no more than the wall clock, Unix ms; -Infinity before its first
   * event.
   */
  greatestOf(number: number): number {
    return this.greatestMs[number]!;
  }

  /**
   * The least of the partitions' greatest event times. Windows that are behind it by the horizon can no
   * longer change.
   */
  leastGreatestMs(): number {
    let least = Infinity;
    for (let i = 0; i < this.greatestMs.length; i++) {
      if (this.standing[i] !== FREE) least = Math.min(least, this.greatestMs[i]!);
    }
    return least;
  }

  /**
   * The greatest event time to which this partition can move the watermark, as far as the others allow it;
   * lateness is not yet subtracted.
   */
  limitOfOthers(number: number): number {
    return this.holding.leastWithout(number);
  }

  /**
   * Adds a partition, which holds the others back. Returns its number.
   *
   * @param greatestMs Its greatest event time, Unix ms; -Infinity: it had none.
   */
  add(greatestMs: number): number {
    let number = this.standing.indexOf(FREE);
    if (number < 0) {
      number = this.standing.length;
      const room = Math.max(8, 2 * number);
      const grownMs = new Float64Array(room).fill(-Infinity);
      const grown = new Uint8Array(room).fill(FREE);
      grownMs.set(this.greatestMs);
      grown.set(this.standing);
      [this.greatestMs, this.standing] = [grownMs, grown];
    }
    this.stand(number, HOLDING);
    this.setGreatest(number, greatestMs);
    return number;
  }

  /** Removes a partition. It no longer holds the others back, and its number can be used again. */
  remove(number: number): void {
    this.stand(number, FREE);
    this.greatestMs[number] = -Infinity;
    this.settle();
  }

  /**
   * Caps event times at the wall clock, after a clock that was ahead has been set right. Returns whether the
   * watermark has gone back: then windows that are already closed may end after it.
   */
  cap(nowMs: number): boolean {
    if (this.mostMs > nowMs) {
      for (let number = 0; number < this.greatestMs.length; number++) {
        if (this.greatestMs[number]! > nowMs) this.setGreatest(number, nowMs);
      }
      this.mostMs = nowMs;
      this.capped++;
    }
    const limitMs = nowMs - this.allowedLatenessMs;
    if (this.reachedMs <= limitMs) return false;
    this.reachedMs = limitMs;
    return true;
  }

  /**
   * Raises the greatest event time of a partition, and moves the watermark as far as the partitions that are
   * not idle allow.
   */
  advance(number: number, greatestMs: number): void {
    if (greatestMs > this.greatestMs[number]!) this.setGreatest(number, greatestMs);
    this.settle();
  }

  /**
   * Sets the event time that a partition takes over from another one. The watermark does not go back for it.
   */
  goOnAt(number: number, greatestMs: number): void {
    this.setGreatest(number, greatestMs);
    this.settle();
  }

  /** Exchanges the event times of two partitions. */
  exchange(number: number, other: number): void {
    const greatestMs = this.greatestOf(number);
    this.setGreatest(number, this.greatestOf(other));
    this.setGreatest(other, greatestMs);
  }

  setIdle(number: number, isIdle: boolean): void {
    const standing = isIdle ? IDLE : HOLDING;
    if (this.standing[number] === standing) return;
    this.stand(number, standing);
    this.settle();
  }

  /** Whether all partitions are idle, so that none holds the others back. */
  allIdle(): boolean {
    return this.holdingCount === 0;
  }

  /** Restores what a checkpoint kept, for the present partitions. */
  restore(valueMs: number, greatestMs: readonly number[]): void {
    this.reachedMs = valueMs;
    greatestMs.forEach((ms, number) => this.setGreatest(number, ms));
  }

  private setGreatest(number: number, greatestMs: number): void {
    this.greatestMs[number] = greatestMs;
    this.mostMs = Math.max(this.mostMs, greatestMs);
    if (this.standing[number] === HOLDING) this.holding.set(number, greatestMs);
  }

  private stand(number: number, standing: number): void {
    if (this.standing[number] === HOLDING) this.holdingCount--;
    if (standing === HOLDING) this.holdingCount++;
    this.standing[number] = standing;
    this.holding.set(number, standing === HOLDING ? this.greatestMs[number]! : Infinity);
  }

  private settle(): void {
    const { least } = this.holding;
    if (least === Infinity) return;
    this.reachedMs = Math.max(this.reachedMs, least - this.allowedLatenessMs);
  }
}
