import type { EventBatch } from "../../event/event_batch.ts";
import { seriesKey } from "../../event/labels.ts";
import { hashBytes } from "../../event/text_hash.ts";
import type { CheckedEvent } from "../event_check.ts";
import { WORD_BYTES, Words } from "../words.ts";

const ENCODER = new TextEncoder();

/** The key of the series of an event. */
export function keyOfSeries({ name, labels }: Pick<CheckedEvent, "name" | "labels">): Uint8Array {
  return ENCODER.encode(seriesKey(name, labels));
}

/** A series that was seen before: its key is made, and stands in each batch once. */
export class KnownSeries {
  /** The key as words. Those of a short key lie in one piece of memory with their array. */
  readonly key: Int32Array;
  /** Bytes of the key. */
  readonly length: number;
  readonly hash: number;
  /** The filling of a batch that has its key, and where. */
  filling = 0;
  start = 0;

  /** @param bytes Its key. */
  constructor(bytes: Uint8Array) {
    this.length = bytes.length;
    this.key = new Int32Array(Math.ceil(bytes.length / WORD_BYTES));
    const { view } = new Words(bytes);
    const wordsEnd = bytes.length - bytes.length % WORD_BYTES;
    for (let at = 0; at < wordsEnd; at += WORD_BYTES) this.key[at / WORD_BYTES] = view.getInt32(at, true);
    for (let at = wordsEnd; at < bytes.length; at++) {
      this.key[at >> 2]! |= bytes[at]! << 8 * (at % WORD_BYTES);
    }
    this.hash = hashBytes(bytes, 0, bytes.length);
  }
}

/** Writes series that are known into batches. */
export class SeriesWriter {
  private extra = new Words(new Uint8Array());

  /** Makes a series that of the event in a column. */
  write(series: KnownSeries, batch: EventBatch, event: number): void {
    if (series.filling !== batch.filling) this.writeKey(series, batch);
    batch.nameStart[event] = ~series.start;
    batch.nameLength[event] = series.length;
    batch.nameHash[event] = series.hash;
  }

  private writeKey(series: KnownSeries, batch: EventBatch): void {
    series.filling = batch.filling;
    series.start = batch.extraLength;
    batch.reserveExtra(series.length + WORD_BYTES);
    if (this.extra.bytes !== batch.extra) this.extra = new Words(batch.extra);
    const { key } = series;
    const { view } = this.extra;
    for (let i = 0; i < key.length; i++) view.setInt32(series.start + i * WORD_BYTES, key[i]!, true);
    batch.extraLength = series.start + series.length;
  }
}
