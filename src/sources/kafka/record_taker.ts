import { EventScanner } from "../../codec/event_scanner.ts";
import { JsonBytes } from "../../codec/json_bytes.ts";
import type { RecordContext } from "../../codec/mapping/reading.ts";
import type { RecordReader } from "../../codec/mapping/record_reader.ts";
import type { EventBatch } from "../../event/event_batch.ts";
import { TRACEPARENT } from "../../platform/telemetry/traceparent.ts";
import type { PartitionFeed } from "./partition_feed.ts";

/** Records with longer keys and values are refused, so that memory is bounded. Bytes. */
export const RECORD_MAX_BYTES = 1024 * 1024;
/** What is kept of the value of a record that is refused for its length, and of a key. */
const BEGINNING_BYTES = 64 * 1024;
/** Values that are taken at once. More than a record may have. */
const TAKEN_MAX_BYTES = 16 * 1024 * 1024;
/** Bytes of the batches of the bus that are taken from at once. Two batches may have more. */
const SOURCES_MAX_BYTES = 32 * 1024 * 1024;
const NEWLINE = 0x0a;
const DECODER = new TextDecoder();

/** Records that were taken of a feed, in columns. Records without a value are no events and are left out. */
class TakenRecords {
  count = 0;
  /** Bytes of the values that are kept. */
  bytes = 0;
  private sourceBytes = 0;
  /** Where the values and keys are. Those of one batch of the bus share their bytes. */
  readonly sources: Uint8Array[] = [];
  readonly starts: number[] = [];
  readonly lengths: number[] = [];
  readonly keyStarts: number[] = [];
  readonly keyLengths: number[] = [];
  readonly offsets: number[] = [];
  readonly timesMs: number[] = [];

  /**
   * @param upstream Gets the traces that the records belong to; undefined: nobody asks for them.
   *
   * @throws {SourceError}
   */
  take(feed: PartitionFeed, limit: number, upstream: EventBatch["upstream"]): void {
    while (this.count < limit && this.bytes < TAKEN_MAX_BYTES && !this.hasManySources) {
      let record: ReturnType<PartitionFeed["next"]>;
      try {
        record = feed.next();
      } catch (error) {
        // What lies before a fault is taken first. The next read comes to the fault.
        if (this.count > 0) return;
        throw error;
      }
      if (record === undefined) return;
      if (record.valueLength < 0) continue;
      this.count++;
      this.bytes += Math.min(record.valueLength, RECORD_MAX_BYTES);
      if (record.bytes !== this.sources.at(-1)) this.sourceBytes += record.bytes.length;
      this.sources.push(record.bytes);
      this.starts.push(record.valueStart);
      this.lengths.push(record.valueLength);
      this.keyStarts.push(record.keyStart);
      this.keyLengths.push(record.keyLength);
      this.offsets.push(record.offset);
      this.timesMs.push(record.timeMs);
      if (upstream?.isFull === false) upstream.note(record.header(TRACEPARENT));
    }
  }

  /** A batch with large headers and small values is taken from to its end, but the next one not with it. */
  private get hasManySources(): boolean {
    return this.sourceBytes > SOURCES_MAX_BYTES && this.sources[0] !== this.sources.at(-1);
  }

  /** Whether a record is too long. */
  isLong(index: number): boolean {
    return this.sizeOf(index) > RECORD_MAX_BYTES;
  }

  /** Bytes of key and value. */
  sizeOf(index: number): number {
    return Math.max(0, this.keyLengths[index]!) + this.lengths[index]!;
  }

  /** Bytes of the value that are kept. */
  keptOf(index: number): number {
    const length = this.lengths[index]!;
    return this.isLong(index) ? Math.min(length, BEGINNING_BYTES) : length;
  }
}

/** A record of a topic, as a mapping sees it. */
class RecordOfTopic implements RecordContext {
  constructor(
    private readonly records: TakenRecords,
    private readonly index: number,
    readonly topic: string,
    readonly arrivedMs: number,
  ) {}

  get key(): string | undefined {
    const { keyLengths, keyStarts, sources } = this.records;
    const length = keyLengths[this.index]!;
    if (length < 0) return undefined;
    const start = keyStarts[this.index]!;
    // A longer one is no part of any name or label.
    return DECODER.decode(sources[this.index]!.subarray(start, start + Math.min(length, BEGINNING_BYTES)));
  }

  get busMs(): number | undefined {
    const timeMs = this.records.timesMs[this.index]!;
    return timeMs < 0 ? undefined : timeMs;
  }
}

/** Makes events of the records of one topic. */
export class RecordTaker {
  /** @param reader Undefined: records are events as they are. */
  constructor(private readonly topic: string, private readonly reader: RecordReader | undefined) {}

  /**
   * Takes the records that are there, and makes events of them. Returns whether there were any.
   *
   * @param arrivedMs Wall clock, Unix ms.
   *
   * @throws {SourceError}
   */
  take(feed: PartitionFeed, into: EventBatch, limit: number, arrivedMs: number): boolean {
    const records = new TakenRecords();
    records.take(feed, limit, into.upstream);
    if (records.count === 0) return false;
    const { topic, reader } = this;
    const ends = this.copyValues(records, into);
    const contextOf = (index: number) => new RecordOfTopic(records, index, topic, arrivedMs);
    into.originOf = (index) => {
      const { key, busMs } = contextOf(index);
      return { offset: records.offsets[index]!, topic, key, busMs };
    };
    if (reader === undefined) readEvents(records, ends, into);
    else readMapped(records, ends, into, reader, contextOf);
    return true;
  }

  /** Copies the values into the batch, each with a line break behind it. Returns where they end. */
  private copyValues(records: TakenRecords, into: EventBatch): number[] {
    const { count, lengths, sources, starts } = records;
    const kept = lengths.map((_, index) => records.keptOf(index));
    const bytes = new Uint8Array(kept.reduce((sum, length) => sum + length + 1, 0));
    const ends: number[] = [];
    let at = 0;
    for (let i = 0; i < count; i++) {
      bytes.set(sources[i]!.subarray(starts[i], starts[i]! + kept[i]!), at);
      at += kept[i]!;
      ends.push(at);
      bytes[at++] = NEWLINE;
    }
    into.reset(bytes);
    return ends;
  }
}

function readEvents(records: TakenRecords, ends: readonly number[], batch: EventBatch): void {
  const scanner = new EventScanner(new JsonBytes(batch.bytes), batch);
  for (let i = 0, start = 0; i < records.count; start = ends[i++]! + 1) {
    const end = ends[i]!;
    if (records.isLong(i)) refuseLong(batch, start, end, records.sizeOf(i));
    else {
      batch.reserve();
      if (scanner.scanPlain(start) === end) batch.total++;
      else scanner.scanAny(start, end);
    }
  }
}

function readMapped(
  records: TakenRecords,
  ends: readonly number[],
  batch: EventBatch,
  reader: RecordReader,
  contextOf: (index: number) => RecordContext,
): void {
  reader.begin(batch);
  for (let i = 0, start = 0; i < records.count; start = ends[i++]! + 1) {
    const end = ends[i]!;
    if (records.isLong(i)) {
      refuseLong(batch, start, end, records.sizeOf(i));
      continue;
    }
    const context = contextOf(i);
    batch.reserve();
    if (reader.readPlain(batch, start, context) === end) batch.total++;
    else reader.read(batch, start, end, context);
  }
}

function refuseLong(batch: EventBatch, start: number, end: number, length: number): void {
  const detail = `a record of ${length} bytes, of which ${RECORD_MAX_BYTES} are allowed`;
  batch.invalid.push({ index: batch.total++, detail, rawStart: start, rawEnd: end });
}
