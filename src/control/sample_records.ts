import { textStart } from "../codec/byte_order_mark.ts";
import { HASH, NEWLINE, RETURN } from "../codec/ascii.ts";
import { CsvHeader } from "../codec/mapping/csv_header.ts";
import { csvRowEnd } from "../codec/mapping/csv_row_end.ts";
import { separatorOf } from "../codec/mapping/csv_rows.ts";
import type { EventFormat } from "../codec/mapping/event_mapping.ts";
import { influxLineEnd } from "../codec/mapping/influx_line_end.ts";
import type { RecordReader } from "../codec/mapping/record_reader.ts";
import type { EventBatch } from "../event/event_batch.ts";

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** The records of a sample that are no rows of CSV: lines, or the elements of a JSON array. */
export function* sampleRecords(text: Uint8Array, format: EventFormat): Generator<Uint8Array> {
  const bytes = text.subarray(textStart(text));
  if (format === "json") {
    const elements = arrayIn(bytes);
    if (elements !== undefined) return yield* elements;
  }
  const isInflux = format === "influx";
  for (let start = 0; start < bytes.length;) {
    const found = isInflux ? influxLineEnd(bytes, start, bytes.length) : bytes.indexOf(NEWLINE, start);
    const end = found < 0 ? bytes.length : found;
    const isComment = isInflux && bytes[start] === HASH;
    const line = bytes.slice(start, end);
    if (!isComment && DECODER.decode(line).trim() !== "") yield line;
    start = end + 1;
  }
}

/** Fills a batch with the events of one row of CSV after the other; of the whole where it has no row. */
export function* sampleRows(
  bytes: Uint8Array,
  reader: RecordReader,
  batch: EventBatch,
  arrivedMs: number,
): Generator<void> {
  const context = { arrivedMs };
  let header: CsvHeader | undefined;
  let isEmpty = true;
  for (let start = textStart(bytes); start < bytes.length;) {
    const separator = header?.separator ?? separatorOf(DECODER.decode(bytes.subarray(start)));
    const end = csvRowEnd(bytes, start, bytes.length, separator.charCodeAt(0));
    const row = bytes.slice(start, end);
    start = end + (bytes[end] === RETURN ? 2 : 1);
    const text = DECODER.decode(row);
    if (text.trim() === "") continue;
    batch.reset(row);
    reader.begin(batch);
    if (header === undefined) header = CsvHeader.of(text);
    else header = reader.readRow(batch, 0, row.length, context, header) ?? header;
    if (batch.total === 0) continue;
    isEmpty = false;
    yield;
  }
  if (!isEmpty) return;
  batch.reset(bytes);
  reader.begin(batch);
  reader.read(batch, 0, bytes.length, context);
  yield;
}

function arrayIn(bytes: Uint8Array): Uint8Array[] | undefined {
  const encoder = new TextEncoder();
  try {
    const parsed: unknown = JSON.parse(DECODER.decode(bytes));
    return Array.isArray(parsed)
      ? parsed.map((element) => encoder.encode(JSON.stringify(element)))
      : undefined;
  } catch {
    // It is not one JSON text, so it is read line by line.
    return undefined;
  }
}
