import type { EventBatch } from "../event/event_batch.ts";
import type { BatchOrigin, EventFate, EventSample } from "./event_sample.ts";

/** Lets a few watch the events that are taken in. While nobody does, it costs nothing. */
export class EventTap {
  private readonly samples = new Set<EventSample>();

  /** Whether anybody watches. */
  get isOpen(): boolean {
    return this.samples.size > 0;
  }

  /** Shows all events to the sample from now on. Returns what ends that. */
  open(sample: EventSample): () => void {
    this.samples.add(sample);
    return () => void this.samples.delete(sample);
  }

  /** A batch was taken in. @param fates Of late and refused events, by their index in the batch. */
  passed(batch: EventBatch, fates: ReadonlyMap<number, EventFate>, origin: BatchOrigin): void {
    for (const sample of this.samples) sample.add(batch, fates, origin);
  }
}
