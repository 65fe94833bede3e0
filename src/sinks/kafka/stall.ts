import type { Clock } from "../../platform/clock/clock.ts";

/** Calls a function when nothing has happened for a time. */
export class Stall {
  private over = new AbortController();

  constructor(
    private readonly limitMs: number,
    private readonly clock: Pick<Clock, "sleep">,
    private readonly call: () => void,
  ) {
    this.wait();
  }

  /** Has no effect once it has ended. */
  restart(): void {
    if (this.over.signal.aborted) return;
    this.end();
    this.over = new AbortController();
    this.wait();
  }

  end(): void {
    this.over.abort();
  }

  private async wait(): Promise<void> {
    const { signal } = this.over;
    await this.clock.sleep(this.limitMs, signal);
    if (!signal.aborted) this.call();
  }
}
