import type { EventBatch } from "../../event/event_batch.ts";
import { seriesKey } from "../../event/labels.ts";
import { hashBytes } from "../../event/text_hash.ts";
import type { CheckedEvent } from "../event_check.ts";

const ENCODER = new TextEncoder();

/** A series that was seen before: its key is made, and stands in each batch once. */
export class KnownSeries {
  readonly bytes: Uint8Array;
  private readonly hash: number;
  /** The filling of a batch that has its key, and where. */
  private filling = 0;
  private start = 0;

  constructor({ name, labels }: Pick<CheckedEvent, "name" | "labels">) {
    this.bytes = ENCODER.encode(seriesKey(name, labels));
    this.hash = hashBytes(this.bytes, 0, this.bytes.length);
  }

  /** Makes it the series of the event in a column. */
  write(batch: EventBatch, event: number): void {
    const { bytes } = this;
    if (this.filling !== batch.filling) {
      this.filling = batch.filling;
      this.start = batch.extraLength;
      batch.reserveExtra(bytes.length);
      const { extra } = batch;
      // They are short: a loop beats set().
      let at = this.start;
      for (let i = 0; i < bytes.length; i++) extra[at++] = bytes[i]!;
      batch.extraLength = at;
    }
    batch.nameStart[event] = ~this.start;
    batch.nameLength[event] = bytes.length;
    batch.nameHash[event] = this.hash;
  }
}
