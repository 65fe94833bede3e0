import type { EventBatch } from "../../event/event_batch.ts";
import { EventScanner } from "../event_scanner.ts";
import { JsonBytes } from "../json_bytes.ts";
import { compileMapping, type MappingTexts } from "./event_mapping.ts";
import { type OwnFormat, textsOfFormat } from "./own_format_faults.ts";
import type { RecordContext } from "./reading.ts";
import { RecordReader } from "./record_reader.ts";

const BRACE_OPEN = 0x7b;

/**
 * The reader of records of one of the formats. A text that the format has no use for gives way to the
 * format's default. Undefined: records are events as they are.
 */
export function readerOfFormat(texts: MappingTexts, format: OwnFormat): RecordReader | undefined {
  const own = textsOfFormat(texts, format);
  const compiled = compileMapping({ ...own, format: format === "json" ? undefined : format });
  if ("ok" in compiled) return compiled.ok && new RecordReader(compiled.ok);
  const unfit = Object.fromEntries(compiled.faults.map(({ setting }) => [setting, undefined]));
  return readerOfFormat({ ...texts, ...unfit }, format);
}

/**
 * Reads single records of any of the formats: JSON begins with a brace, and a line of line protocol does not.
 */
export class OwnFormats {
  private readonly json: RecordReader | undefined;
  private readonly influx: RecordReader;

  constructor(texts: MappingTexts) {
    this.json = readerOfFormat(texts, "json");
    this.influx = readerOfFormat(texts, "influx")!;
  }

  begin(batch: EventBatch): void {
    this.readerOf(batch, 0)?.begin(batch);
  }

  read(batch: EventBatch, start: number, end: number, context: RecordContext): void {
    const reader = context.isEvent === true ? undefined : this.readerOf(batch, start);
    if (reader !== undefined) return reader.read(batch, start, end, context);
    batch.reserve();
    new EventScanner(new JsonBytes(batch.bytes), batch).scanAny(start, end);
  }

  private readerOf({ bytes }: EventBatch, start: number): RecordReader | undefined {
    return bytes[start] === BRACE_OPEN ? this.json : this.influx;
  }
}

/** What makes events of single records. */
export type SingleRecords = Pick<RecordReader, "begin" | "read">;
