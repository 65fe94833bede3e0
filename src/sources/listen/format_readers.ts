import { EventScanner } from "../../codec/event_scanner.ts";
import { JsonBytes } from "../../codec/json_bytes.ts";
import type { MappingTexts } from "../../codec/mapping/event_mapping.ts";
import { readerOfFormat } from "../../codec/mapping/own_formats.ts";
import type { RecordContext } from "../../codec/mapping/reading.ts";
import type { RecordReader } from "../../codec/mapping/record_reader.ts";
import type { EventBatch } from "../../event/event_batch.ts";
import type { RecordFormat } from "./decoder.ts";

/** Adds the events of the record from `start` to `end` in the bytes of a batch. */
export type ReadRecord = (start: number, end: number, context: RecordContext) => void;

/** Makes events of records of each format, by the settings. */
export class FormatReaders {
  private readonly readers: Readonly<Record<RecordFormat, RecordReader | undefined>>;

  constructor(texts: MappingTexts) {
    this.readers = {
      json: readerOfFormat(texts, "json"),
      event: undefined,
      influx: readerOfFormat(texts, "influx"),
    };
  }

  /** Whether an event of line protocol has the time of its line, where that has one. */
  get takesTimesOfLines(): boolean {
    return this.readers.influx?.mapping.timestamp === "own";
  }

  /** What reads records of one format into a batch that was just emptied. */
  for(format: RecordFormat, batch: EventBatch): ReadRecord {
    const reader = this.readers[format];
    if (reader !== undefined) {
      reader.begin(batch);
      return (start, end, context) => {
        batch.reserve();
        if (reader.readPlain(batch, start, context) === end) batch.total++;
        else reader.read(batch, start, end, context);
      };
    }
    const scanner = new EventScanner(new JsonBytes(batch.bytes), batch);
    return (start, end) => {
      batch.reserve();
      if (scanner.scanPlain(start) === end) batch.total++;
      else scanner.scanAny(start, end);
    };
  }
}
