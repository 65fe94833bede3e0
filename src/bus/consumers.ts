/** A consumer: a reader that gives a name. */
export interface Consumer {
  /** It has stored everything below this offset. */
  readonly acknowledged: number;
  /** When it was last heard of, in milliseconds of running time of the bus. */
  readonly heardMs: number;
}

export interface ConsumerStore {
  saveConsumer(name: string, consumer: Consumer): void;
  forgetConsumer(name: string): void;
}

/** The consumer of the queue, which has no name. Events that it has not taken must stay. */
export const QUEUE_READER = "";

/** Consumers at most, so that strangers cannot fill the memory with names. */
const MAX_CONSUMERS = 1000;
/** The time of the last contact is written at most this often. */
const HEARD_WITHIN_MS = 60_000;

/** The consumers of an event log. One that has been silent for too long no longer counts. */
export class Consumers {
  private readonly known: Map<string, Consumer>;
  private readonly savedMs = new Map<string, number>();

  /**
   * @param expiryMs Silence after which a consumer no longer counts.
   * @param runMs How long the bus has run, over all its starts. Consumers cannot call while it does not run,
   * and this time does not depend on the wall clock.
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

  /**
   * Notes that a consumer has stored everything below `offset`. Returns false where there are too many
   * consumers to remember this one.
   */
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

  /** The lowest offset that a consumer has acknowledged; undefined: no consumer counts. */
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
