import { EventScanner } from "../../codec/event_scanner.ts";
import { JsonBytes } from "../../codec/json_bytes.ts";
import type { RecordContext } from "../../codec/mapping/reading.ts";
import type { RecordReader } from "../../codec/mapping/record_reader.ts";
import type { EventBatch } from "../../event/event_batch.ts";
import type { PartitionFeed } from "./partition_feed.ts";
import { RecordColumns } from "./record_columns.ts";
import { RECORD_MAX_BYTES, TakenRecords } from "./taken_records.ts";

/** A record of a topic, as a mapping sees it. */
class RecordOfTopic implements RecordContext {
  constructor(
    private readonly records: TakenRecords,
    private readonly index: number,
    readonly topic: string,
    readonly arrivedMs: number,
  ) {}

  get key(): string | undefined {
    return this.records.keyOf(this.index);
  }

  get busMs(): number | undefined {
    const timeMs = this.records.timeMsOf(this.index);
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
    const records = new TakenRecords(RecordColumns.of(into));
    records.take(feed, limit, into.upstream);
    if (records.count === 0) return false;
    const { topic, reader } = this;
    into.reset(records.copyValues());
    const contextOf = (index: number) => new RecordOfTopic(records, index, topic, arrivedMs);
    into.originOf = (index) => {
      const { key, busMs } = contextOf(index);
      return { offset: records.offsetOf(index), topic, key, busMs };
    };
    if (reader === undefined) readEvents(records, into);
    else readMapped(records, into, reader, contextOf);
    return true;
  }
}

function readEvents(records: TakenRecords, batch: EventBatch): void {
  const scanner = new EventScanner(new JsonBytes(batch.bytes), batch);
  for (let i = 0; i < records.count; i++) {
    const start = records.copyOf(i);
    const end = start + records.keptOf(i);
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
  batch: EventBatch,
  reader: RecordReader,
  contextOf: (index: number) => RecordContext,
): void {
  reader.begin(batch);
  for (let i = 0; i < records.count; i++) {
    const start = records.copyOf(i);
    const end = start + records.keptOf(i);
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
