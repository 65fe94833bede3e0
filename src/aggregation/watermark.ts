import { LeastTree } from "./least_tree.ts";

/** Whether a number stands for a partition, and whether that holds the others back. */
const HOLDING = 0;
const IDLE = 1;
const FREE = 2;

/**
 * How far event time has come. The watermark of a partition is the lesser of its greatest event time and the wall clock, less the
 * allowed lateness; the handler's is the least of its partitions'. It goes back only with the wall clock ({@link cap}): a partition
 * that wakes up with older events finds their windows closed and corrects them. A partition counts as idle only by its owner's word
 * (`setIdle`), and idle ones do not hold the others back. One that has gone away counts no more.
 */
export class Watermark {
  private greatestMs: Float64Array;
  private standing: Uint8Array;
  /** The greatest event times of those that hold the others back. */
  private readonly holding = new LeastTree();
  private holdingCount = 0;
  /** No partition's is greater. */
  private mostMs = -Infinity;
  private reachedMs = -Infinity;
  private capped = 0;

  /** @param count Partitions at the start, numbered from 0. @param allowedLatenessMs May change; what is reached stays reached. */
  constructor(count: number, public allowedLatenessMs: number) {
    this.greatestMs = new Float64Array(count).fill(-Infinity);
    this.standing = new Uint8Array(count);
    this.holdingCount = count;
    for (let number = 0; number < count; number++) this.holding.set(number, -Infinity);
  }

  /** The handler's watermark, Unix ms; -Infinity before the first event. Windows that end at it or before it are closed. */
  get valueMs(): number {
    return this.reachedMs;
  }

  /** How often event time was taken back since the start. */
  get capCount(): number {
    return this.capped;
  }

  /** Greatest event time of a partition, no more than the wall clock, Unix ms; -Infinity before its first event. */
  greatestOf(number: number): number {
    return this.greatestMs[number]!;
  }

  /** The least of the partitions' greatest event times: what lies behind it by the horizon can no longer change. */
  leastGreatestMs(): number {
    let least = Infinity;
    for (let i = 0; i < this.greatestMs.length; i++) {
      if (this.standing[i] !== FREE) least = Math.min(least, this.greatestMs[i]!);
    }
    return least;
  }

  /** The greatest event time that the other partitions allow this one to move the watermark to, before lateness. */
  limitOfOthers(number: number): number {
    return this.holding.leastWithout(number);
  }

  /** A partition comes, and holds the others back; returns its number. @param greatestMs Its greatest event time; -Infinity: it had none. */
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

  /** A partition has gone away: it holds the others back no longer, and its number is given to another one. */
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

  /** Takes over what a partition has reached, and moves the watermark where those that are not idle let it. */
  advance(number: number, greatestMs: number): void {
    if (greatestMs > this.greatestMs[number]!) this.setGreatest(number, greatestMs);
    this.settle();
  }

  /** A partition goes on where another one's event time had come to; the watermark does not go back for it. */
  goOnAt(number: number, greatestMs: number): void {
    this.setGreatest(number, greatestMs);
    this.settle();
  }

  /** Each of two partitions goes on where the other one's event time had come to. */
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

  /** Whether no partition holds the others back. */
  allIdle(): boolean {
    return this.holdingCount === 0;
  }

  /** Puts back what a checkpoint kept, for the partitions there are. */
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
