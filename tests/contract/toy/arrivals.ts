import type { SourceContext } from "../../../src/contract/source.ts";

/** What the reads of a toy bus wait for: that something was published. */
export class Arrivals {
  private next = Promise.withResolvers<void>();

  /** Something was published: ends every wait. */
  announce(): void {
    this.next.resolve();
    this.next = Promise.withResolvers();
  }

  /** Resolves when something was published, after `waitMs`, or when the signal fires. */
  async wait(clock: SourceContext["clock"], waitMs: number, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    await Promise.race([
      this.next.promise,
      clock.sleep(waitMs, AbortSignal.any([signal, over.signal])),
    ]);
    over.abort();
  }
}
