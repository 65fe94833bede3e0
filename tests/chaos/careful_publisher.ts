import type { Bus } from "../e2e/plant.ts";
import { until } from "../support/executable.ts";

/**
 * Publishes each event once on a bus that is killed from time to time. Where no answer comes, the bus itself
 * tells whether it had accepted the batch. Whether the bus keeps what it has confirmed is a part of the test.
 */
export class CarefulPublisher {
  /** Offset after the last event that is surely on the bus. */
  private next = 0;

  constructor(private readonly bus: Bus) {}

  async publish(texts: readonly string[]): Promise<void> {
    const end = this.next + texts.length;
    await until(
      async () => {
        const next = await this.busNext();
        if (next === end) return true;
        if (next !== this.next) {
          throw new Error(`the bus stands at ${next} instead of ${this.next} or ${end}`);
        }
        await this.bus.publishBatch(`[${texts.join(",")}]`);
        return true;
      },
      `the bus to take ${texts.length} events`,
    );
    this.next = end;
  }

  private async busNext(): Promise<number> {
    const reply = await fetch(`${this.bus.url}/healthz`);
    return (await reply.json()).next;
  }
}
