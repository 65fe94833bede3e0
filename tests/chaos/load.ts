import { type Bus, observed } from "../e2e/plant.ts";
import { eventStream, recentBaseMs, type StreamOptions } from "../support/event_stream.ts";
import { pause } from "../support/executable.ts";
import { Oracle } from "../support/oracle.ts";
import { CarefulPublisher } from "./careful_publisher.ts";

export interface LoadOptions extends Partial<Pick<StreamOptions, "lateShare" | "nameCount">> {
  readonly seed: number;
  /** How long publishing takes without obstacles. */
  readonly seconds: number;
  /** Default 4000. */
  readonly eventsPerSecond?: number;
  /** Windows of event time that pass in a second. Default 0.5. */
  readonly windowsPerSecond?: number;
}

const WINDOW_MS = 60_000;
const BATCHES_PER_SECOND = 4;
const MIN_WINDOWS = 4;
const HELD_PAUSE_MS = 500;

/** The events of a scenario, and the expected results. */
export class Load {
  readonly oracle = new Oracle(WINDOW_MS);
  /** As JSON texts, in the order they are published. */
  readonly batches: readonly string[][];

  constructor(private readonly options: LoadOptions) {
    const { seed, seconds, eventsPerSecond = 4000, windowsPerSecond = 0.5, lateShare, nameCount = 200 } =
      options;
    const windowCount = Math.max(MIN_WINDOWS, Math.round(seconds * windowsPerSecond));
    const texts = [...observed(
      eventStream({
        seed,
        eventCount: Math.round(seconds * eventsPerSecond),
        nameCount,
        baseMs: recentBaseMs(WINDOW_MS, windowCount),
        windowSizeMs: WINDOW_MS,
        windowCount,
        ...(lateShare !== undefined && { lateShare }),
      }),
      this.oracle,
    )];
    const batchSize = Math.ceil(eventsPerSecond / BATCHES_PER_SECOND);
    this.batches = Array.from(
      { length: Math.ceil(texts.length / batchSize) },
      (_, i) => texts.slice(i * batchSize, (i + 1) * batchSize),
    );
  }

  /**
   * Publishes at a steady rate, while the bus can be reached, until everything is published or `isOver`.
   *
   * @param mayPass Whether more than this share of the events may be published by now. Until then they come
   * one by one: a bus without events would be idle, and close windows that the rest belongs to.
   */
  async feed(
    bus: Bus,
    isOver: () => boolean,
    mayPass: (share: number) => boolean = () => true,
  ): Promise<void> {
    const publisher = new CarefulPublisher(bus);
    const startedMs = performance.now();
    for (const [i, batch] of this.batches.entries()) {
      let held = 0;
      while (!isOver() && !mayPass(i / this.batches.length) && held < batch.length) {
        await publisher.publish(batch.slice(held, ++held));
        await pause(HELD_PAUSE_MS);
      }
      if (isOver()) return;
      if (held < batch.length) await publisher.publish(batch.slice(held));
      const dueMs = startedMs + (i + 1) / this.batches.length * this.options.seconds * 1000;
      await pause(dueMs - performance.now());
    }
  }
}
