import type { EventBatch } from "../../event/event_batch.ts";
import { EventScanner } from "../event_scanner.ts";
import { JsonBytes } from "../json_bytes.ts";
import { compileMapping, type MappingFault, type MappingTexts } from "./event_mapping.ts";
import type { RecordContext } from "./reading.ts";
import { RecordReader } from "./record_reader.ts";

/** The formats of records that say their format themselves. */
type OwnFormat = "json" | "influx";
const UNITS: Readonly<Record<OwnFormat, Pick<MappingTexts, "timeUnit">>> = {
  json: {},
  influx: { timeUnit: "ns" },
};
const BRACE_OPEN = 0x7b;

/**
 * The reader of records of one of the formats. A text that the format has no use for gives way to the
 * format's default. Undefined: records are events as they are.
 */
export function readerOfFormat(texts: MappingTexts, format: OwnFormat): RecordReader | undefined {
  const own = { ...texts, format: format === "json" ? undefined : format, ...UNITS[format] };
  const compiled = compileMapping(own);
  if ("ok" in compiled) return compiled.ok && new RecordReader(compiled.ok);
  const unfit = Object.fromEntries(compiled.faults.map(({ setting }) => [setting, undefined]));
  return readerOfFormat({ ...texts, ...unfit }, format);
}

/** The faults of texts that none of the formats has a use for. */
export function faultsOfOwnFormats(texts: MappingTexts): readonly MappingFault[] {
  const [json, influx] = (["json", "influx"] as const).map((format) => {
    const compiled = compileMapping({ ...texts, format, ...UNITS[format] });
    return "faults" in compiled ? compiled.faults : [];
  });
  return json!.filter(({ setting }) => influx!.some((other) => other.setting === setting));
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
