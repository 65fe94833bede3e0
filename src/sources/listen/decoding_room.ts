import { giveWay, type Steps } from "../../platform/clock/steps.ts";
import { ByteBudget } from "../../platform/http/byte_budget.ts";

/** A larger body, or one of which more comes, is decoded alone. */
const SMALL_BYTES = 1024 * 1024;
/** What is decoded side by side holds so many bytes at most, beside the bodies. */
const SIDE_BY_SIDE_BYTES = 16 * 1024 * 1024;

/**
 * Where requests are decoded and kept until they are on disk. Small ones are side by side, within a budget.
 * Large ones, and those for which the budget has nothing left, are alone among their like: each of them may
 * become many times its size. So memory has a bound, and small requests pass between the steps of a large
 * one.
 */
export class DecodingRoom {
  private readonly sideBySide = new ByteBudget(SIDE_BY_SIDE_BYTES);
  private last: Promise<void> = Promise.resolve();

  enter(): Decoding {
    return new Decoding(this.sideBySide, () => this.turn());
  }

  /** Waits until nobody is alone. Returns what ends the turn. */
  private async turn(): Promise<() => void> {
    const before = this.last;
    const own = Promise.withResolvers<void>();
    this.last = own.promise;
    await before;
    return own.resolve;
  }
}

/** The decoding of one request. */
export class Decoding {
  private held = 0;
  private endTurn: (() => void) | undefined;

  constructor(
    private readonly sideBySide: ByteBudget,
    private readonly turn: () => Promise<() => void>,
  ) {}

  /** Does work in its steps. @param bodyBytes Of the request. */
  async run<T>(work: Steps<T>, bodyBytes: number): Promise<T> {
    if (bodyBytes > SMALL_BYTES) await this.beAlone();
    for (;;) {
      const step = work.next();
      if (step.done) return step.value;
      if (this.fits(step.value)) await giveWay();
      else await this.beAlone();
    }
  }

  /** To be called once, when the request is answered. */
  leave(): void {
    this.sideBySide.give(this.held);
    this.endTurn?.();
  }

  private fits(bytes: number): boolean {
    if (this.endTurn !== undefined) return true;
    if (bytes > SMALL_BYTES) return false;
    const more = bytes - this.held;
    if (more > 0 && !this.sideBySide.take(more)) return false;
    this.held += Math.max(0, more);
    return true;
  }

  private async beAlone(): Promise<void> {
    this.endTurn ??= await this.turn();
  }
}
