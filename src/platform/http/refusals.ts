import { type Clock, systemClock } from "../clock/clock.ts";

const PAUSE_MS = 60_000;
/** Causes that are told apart at a time. */
const CAUSES_MAX = 50;
/** Addresses that are named in a minute; further ones are counted together. */
const ADDRESSES_MAX = 10;
const OTHERS = "others";

/**
 * Tells of what was refused: the first of a cause at once, and what came after it when the minute ends. So no
 * refusal is missing, and each cause is told once a minute at the most.
 */
export class Refusals<T> {
  private readonly since = new Map<string, Repeats<T>>();

  /**
   * @param tell `from`: the address; of several, each with its number, such as `10.0.0.1 (11), 10.0.0.3 (1)`.
   * @param closed When it fires, what has not been told is told.
   * @param sleep Tests replace it.
   */
  constructor(
    private readonly tell: (refusal: T, from: string, count: number) => void,
    private readonly closed: AbortSignal,
    private readonly sleep: Clock["sleep"] = systemClock.sleep,
  ) {}

  happened(cause: string, refusal: T, from: string): void {
    const isKnown = this.since.has(cause) || this.since.size < CAUSES_MAX;
    const key = isKnown ? cause : OTHERS;
    const repeats = this.since.get(key);
    if (repeats !== undefined) return repeats.add(refusal, from);
    this.tell(refusal, from, 1);
    void this.tellRest(key);
  }

  private async tellRest(key: string): Promise<void> {
    let repeats: Repeats<T>;
    do {
      this.since.set(key, repeats = new Repeats());
      await this.sleep(PAUSE_MS, this.closed);
      if (repeats.last !== undefined) this.tell(repeats.last, repeats.from, repeats.count);
    } while (repeats.last !== undefined && !this.closed.aborted);
    this.since.delete(key);
  }
}

class Repeats<T> {
  last: T | undefined;
  count = 0;
  private readonly addresses = new Map<string, number>();

  add(refusal: T, from: string): void {
    this.last = refusal;
    this.count++;
    const address = this.addresses.has(from) || this.addresses.size < ADDRESSES_MAX ? from : OTHERS;
    this.addresses.set(address, (this.addresses.get(address) ?? 0) + 1);
  }

  get from(): string {
    const { addresses } = this;
    if (addresses.size === 1) return [...addresses.keys()][0]!;
    return [...addresses].map(([address, count]) => `${address} (${count})`).join(", ");
  }
}
