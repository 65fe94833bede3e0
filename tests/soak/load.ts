import { Bus } from "../e2e/plant.ts";
import { randomNumbers } from "../support/event_stream.ts";
import { pause } from "../support/executable.ts";

const BATCH_SIZE = 10_000;
const NAMES = 1000;
/** So many names of a batch's are others each minute: series come and go. */
const PASSING_NAMES = 100;
const FUNCTIONS = ["sum", "avg", "min", "p99"];
/**
 * The publisher is at most so far ahead of the handler: the bus, in memory, must not become what is measured.
 */
const LEAD_MAX = 200_000;
const FULL_PAUSE_MS = 100;

/** Events stamped with the time of their publication, as many as the handler takes. */
export class Load {
  published = 0;
  private readonly random: () => number;

  constructor(private readonly bus: Bus, seed: number) {
    this.random = randomNumbers(seed);
  }

  /** @param received How many events the handler has taken so far; undefined while it does not say. */
  async publish(signal: AbortSignal, received: () => Promise<number | undefined>): Promise<void> {
    let known = 0;
    while (!signal.aborted) {
      if (this.published - known >= LEAD_MAX) {
        known = await received() ?? known;
        continue;
      }
      if (await this.bus.offerBatch(this.batch())) this.published += BATCH_SIZE;
      else await pause(FULL_PAUSE_MS);
    }
  }

  private batch(): string {
    const { random } = this;
    const timestamp = (Date.now() / 1000).toFixed(3);
    const minute = Math.floor(Date.now() / 60_000);
    const events: string[] = [];
    for (let i = 0; i < BATCH_SIZE; i++) {
      const number = Math.floor(random() * NAMES);
      const name = number < PASSING_NAMES ? `passing.${minute}.${number}` : `sensor.${number}`;
      events.push(
        `{"name":"${name}","value":${(random() * 100).toFixed(3)},"timestamp":${timestamp},"agg_func":"${
          FUNCTIONS[number % 4]
        }"}`,
      );
    }
    return `[${events.join(",")}]`;
  }
}
