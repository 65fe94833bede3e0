import type { EventBatch } from "../../event/event_batch.ts";

const MIN_LENGTH = 256;
const OF_BATCHES = new WeakMap<EventBatch, RecordColumns>();

/** Numbers of records, a column each. They are refilled for every read: the hot path allocates nothing. */
export class RecordColumns {
  /** Which batch of the bus the record is in. */
  run = new Int32Array(0);
  /** Where value and key begin in that batch, and their lengths; -1: there is no key. Bytes. */
  start = new Int32Array(0);
  length = new Int32Array(0);
  keyStart = new Int32Array(0);
  keyLength = new Int32Array(0);
  /** Where the copy of the value begins. */
  copy = new Int32Array(0);
  offset = new Float64Array(0);
  /** Unix ms; -1: it has none. */
  timeMs = new Float64Array(0);

  /** Those for what is read into a batch. Batches are reused, so the columns are. */
  static of(batch: EventBatch): RecordColumns {
    let columns = OF_BATCHES.get(batch);
    if (columns === undefined) OF_BATCHES.set(batch, columns = new RecordColumns());
    return columns;
  }

  /** Makes room for so many records. */
  reserve(count: number): void {
    if (count <= this.run.length) return;
    const length = Math.max(MIN_LENGTH, 2 * this.run.length, count);
    for (const name of ["run", "start", "length", "keyStart", "keyLength", "copy"] as const) {
      const grown = new Int32Array(length);
      grown.set(this[name]);
      this[name] = grown;
    }
    for (const name of ["offset", "timeMs"] as const) {
      const grown = new Float64Array(length);
      grown.set(this[name]);
      this[name] = grown;
    }
  }
}
