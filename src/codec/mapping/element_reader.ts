import type { EventBatch } from "../../event/event_batch.ts";
import { plainBytesIn } from "../../event/text_hash.ts";
import { BACKSLASH, BRACKET_CLOSE, COMMA, QUOTE } from "../ascii.ts";
import { type JsonBytes } from "../json_bytes.ts";
import type { RecordContext } from "./reading.ts";
import type { RecordReader } from "./record_reader.ts";

/** How elements are made events of, and what is known of them beside their bytes. */
export interface MappedRecords {
  readonly reader: RecordReader;
  readonly context: RecordContext;
}

/** Of records that arrive now, by the wall clock; undefined: they are events as they are. */
export function mappedNow(
  reader: RecordReader | undefined,
  clock: { nowMs(): number },
): MappedRecords | undefined {
  return reader && { reader, context: { arrivedMs: clock.nowMs() } };
}

/**
 * Reads records that come as JSON values, such as those of a VaBus. A record that is not JSON itself comes as
 * the text of a string; a number comes as its own digits.
 */
export class ElementReader {
  private readonly view: DataView;

  constructor(
    private readonly records: RecordReader,
    private readonly json: JsonBytes,
    private readonly batch: EventBatch,
    private readonly context: RecordContext,
  ) {
    const { bytes } = json;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The fast path, see {@link RecordReader.readPlain}. */
  readPlain(start: number): number {
    const { batch, records, context } = this;
    records.begin(batch);
    if (records.hasLines) return this.readPlainText(start);
    return records.readPlain(batch, start, context);
  }

  /** A text in quotes without escapes, with an element or the end behind it. */
  private readPlainText(start: number): number {
    const { bytes } = this.json;
    if (bytes[start] !== QUOTE) return -1;
    const { view } = this;
    const lastWordAt = bytes.length - 4;
    let end = start + 1;
    while (end <= lastWordAt) {
      const plain = plainBytesIn(view.getInt32(end, true));
      end += plain;
      if (plain < 4) break;
    }
    while (bytes[end]! >= 0x20 && bytes[end] !== QUOTE && bytes[end] !== BACKSLASH) end++;
    if (bytes[end++] !== QUOTE) return -1;
    const next = bytes[this.json.afterSpace(end)];
    if (next !== COMMA && next !== BRACKET_CLOSE) return -1;
    return this.records.readText(this.batch, start, end, this.context) ? end : -1;
  }

  /** Adds the events of the value from `start` to `end`. */
  read(start: number, end: number): void {
    const { batch, records, context } = this;
    records.begin(batch);
    if (records.mapping.format === "json") return records.read(batch, start, end, context);
    const text = this.textAt(start, end);
    if (text === undefined) {
      const index = batch.total++;
      const detail = `not a text in quotes, as a record of the format ${records.mapping.format} is`;
      batch.invalid.push({ index, detail, rawStart: start, rawEnd: end });
      return;
    }
    records.read(batch, start, end, context, text);
  }

  private textAt(start: number, end: number): string | undefined {
    const text = this.json.textBetween(start, end);
    try {
      const value: unknown = text === undefined ? undefined : JSON.parse(text);
      return typeof value === "string" ? value : typeof value === "number" ? text : undefined;
    } catch {
      return undefined;
    }
  }
}
