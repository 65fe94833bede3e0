/** What is known of a reader that gives a name. */
export interface Consumer {
  /** It has everything below this offset for good. */
  readonly acknowledged: number;
  /** When it was last heard of, in milliseconds for which the bus has run. */
  readonly heardMs: number;
}

export interface ConsumerStore {
  saveConsumer(name: string, consumer: Consumer): void;
  forgetConsumer(name: string): void;
}

/** Who takes from the queue has no name, and nothing of what it has not taken may go. */
export const QUEUE_READER = "";

/** Strangers must not fill the memory with names. */
const MAX_CONSUMERS = 1000;
/** That somebody has been heard of is written down so much later at most. */
const HEARD_WITHIN_MS = 60_000;

/** The readers of a log, as long as they count: who has not been heard of for long has gone for good. */
export class Consumers {
  private readonly known: Map<string, Consumer>;
  private readonly savedMs = new Map<string, number>();

  /**
   * @param expiryMs Silence after which a reader counts no more.
   * @param runMs How long the bus has run, over all its starts: while it does not, nobody can be heard of, and a wrong wall clock
   *   does not matter.
   */
  constructor(
    stored: ReadonlyMap<string, Consumer>,
    private readonly store: ConsumerStore,
    private readonly expiryMs: number,
    private readonly runMs: () => number,
  ) {
    this.known = new Map(stored);
    for (const [name, { heardMs }] of stored) this.savedMs.set(name, heardMs);
  }

  /** Notes that a reader has everything below `offset` for good. False: there are too many for it to be remembered. */
  hear(name: string, offset: number): boolean {
    const before = this.known.get(name);
    if (before === undefined && this.known.size >= MAX_CONSUMERS) {
      this.forgetSilent();
      if (this.known.size >= MAX_CONSUMERS) return false;
    }
    const consumer = { acknowledged: Math.max(offset, before?.acknowledged ?? 0), heardMs: this.runMs() };
    this.known.set(name, consumer);
    const isOld =
      consumer.heardMs - (this.savedMs.get(name) ?? 0) >= Math.min(HEARD_WITHIN_MS, this.expiryMs / 10);
    if (before === undefined || consumer.acknowledged > before.acknowledged || isOld) {
      this.savedMs.set(name, consumer.heardMs);
      this.store.saveConsumer(name, consumer);
    }
    return true;
  }

  /** The one that has acknowledged least; undefined: there is none that counts. */
  slowest(): { readonly name: string; readonly acknowledged: number } | undefined {
    this.forgetSilent();
    let slowest: { name: string; acknowledged: number } | undefined;
    for (const [name, { acknowledged }] of this.known) {
      if (slowest === undefined || acknowledged < slowest.acknowledged) slowest = { name, acknowledged };
    }
    return slowest;
  }

  private forgetSilent(): void {
    const nowMs = this.runMs();
    for (const [name, { heardMs }] of this.known) {
      if (nowMs - heardMs < this.expiryMs) continue;
      this.known.delete(name);
      this.savedMs.delete(name);
      this.store.forgetConsumer(name);
    }
  }
}
