import { endsUpTo, type RawEvents } from "../../bus/raw_events.ts";
import type { RecordContext } from "../../codec/mapping/reading.ts";
import { NO_NUMBER } from "../../codec/mapping/influx_readings.ts";
import type { Steps } from "../../platform/clock/steps.ts";
import { DecodedEvents } from "../../event/decoded_events.ts";
import { EventBatch } from "../../event/event_batch.ts";
import type { RecordFormat, RecordRun } from "./decoder.ts";
import type { FormatReaders } from "./format_readers.ts";

/** A record that is not kept, and why. */
export interface RecordFault {
  /** Number of the record in its request, from 1. */
  readonly number: number;
  readonly reason: string;
}

/** The records of a request after a look at each. */
export interface CheckedRecords {
  /** Those that are kept. */
  readonly runs: readonly RecordRun[];
  /** The first of the faults. */
  readonly faults: readonly RecordFault[];
  /** Number of records with a fault. */
  readonly faulty: number;
}

/** A step has so many records and bytes at most, or one record. */
const STEP_RECORDS = 2000;
const STEP_BYTES = 256 * 1024;
/** What a request was decoded to is kept up to about this size, and is decoded again beyond it. */
const DECODED_MAX_BYTES = 1024 * 1024;
/** Faults that are told: the answer is bounded, whatever came. */
const FAULTS_MAX = 20;

/** Looks at records before they go into the inbox, with the same eyes that read them there. */
export class RecordCheck {
  private readonly batch = new EventBatch();

  constructor(readonly readers: FormatReaders) {}

  /**
   * A record is good where at least one event can be made of it, or where it has text only: text is no event,
   * and no fault either.
   */
  *check(
    format: RecordFormat,
    records: RawEvents,
    context: RecordContext,
  ): Steps<CheckedRecords> {
    const { ends } = records;
    const { topic } = context;
    const runs: RecordRun[] = [];
    const faults: RecordFault[] = [];
    let [faulty, decodedBytes] = [0, 0];
    for (let from = 0, to = 0; from < ends.length; from = to) {
      if (from > 0) yield 2 * ends.byteLength + decodedBytes;
      to = endOfStep(ends, from);
      const step = part(records, from, to);
      const left = this.look(format, step, context);
      for (const [index, reason] of left) {
        if (reason === NO_NUMBER) continue;
        faulty++;
        if (faults.length < FAULTS_MAX) faults.push({ number: from + index + 1, reason });
      }
      if (left.size === to - from) continue;
      const decoded = decodedBytes < DECODED_MAX_BYTES ? DecodedEvents.of(this.batch) : undefined;
      decodedBytes += decoded?.byteLength ?? 0;
      runs.push({ format, topic, records: without(step, [...left.keys()]), decoded });
    }
    this.batch.reset(NOTHING);
    return { runs, faults, faulty };
  }

  /**
   * Reads the records of one step into the batch. Returns those that give no event, by their index, each with
   * the reason.
   */
  private look(
    format: RecordFormat,
    { bytes, ends }: RawEvents,
    context: RecordContext,
  ): ReadonlyMap<number, string> {
    const { batch } = this;
    batch.reset(bytes);
    const read = this.readers.for(format, batch);
    for (let i = 0; i < ends.length; i++) read(i === 0 ? 0 : ends[i - 1]! + 1, ends[i]!, context);
    const found = new Map<number, string>();
    if (batch.invalid.length > 0) {
      const giving = new Set(batch.position.subarray(0, batch.count));
      for (const { index, detail } of batch.invalid) {
        if (!giving.has(index) && !found.has(index)) found.set(index, detail);
      }
    }
    return found;
  }
}

const NOTHING = new Uint8Array(0);

/** Of the records, those from number `from` up to `to`, in the same memory. */
function part(records: RawEvents, from: number, to: number): RawEvents {
  const { bytes, ends } = records;
  if (from === 0 && to === ends.length) return records;
  const start = from === 0 ? 0 : ends[from - 1]! + 1;
  return { bytes: bytes.subarray(start, ends[to - 1]), ends: ends.slice(from, to).map((end) => end - start) };
}

function endOfStep(ends: Uint32Array, from: number): number {
  const start = from === 0 ? 0 : ends[from - 1]! + 1;
  return Math.max(from + 1, Math.min(from + STEP_RECORDS, endsUpTo(ends, start + STEP_BYTES)));
}

/** The records without some of them, in the same memory. @param left Their indices, in ascending order. */
function without(records: RawEvents, left: readonly number[]): RawEvents {
  if (left.length === 0) return records;
  const { bytes, ends } = records;
  const keptEnds = new Uint32Array(ends.length - left.length);
  let [length, count, next] = [0, 0, 0];
  for (let i = 0; i < ends.length; i++) {
    if (i === left[next]) {
      next++;
      continue;
    }
    const [start, end] = [i === 0 ? 0 : ends[i - 1]! + 1, ends[i]!];
    if (count > 0) length++;
    bytes.copyWithin(length, start, end);
    length += end - start;
    keptEnds[count++] = length;
  }
  return { bytes: bytes.subarray(0, length), ends: keptEnds };
}
