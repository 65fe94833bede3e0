import type { CsvHeader } from "../../codec/mapping/csv_header.ts";
import type { RecordContext } from "../../codec/mapping/reading.ts";
import type { RecordReader } from "../../codec/mapping/record_reader.ts";
import { textStart } from "../../codec/byte_order_mark.ts";
import { EventScanner } from "../../codec/event_scanner.ts";
import { JsonBytes } from "../../codec/json_bytes.ts";
import { PlainRun } from "../../codec/plain_run.ts";
import type { EventBatch } from "../../event/event_batch.ts";
import { rowEnd } from "./csv_header.ts";
import { withoutSpace } from "./line_space.ts";

const NEWLINE = 0x0a;
const HASH = 0x23;
/** Longer lines are refused, so that memory is bounded. Bytes. */
export const LINE_MAX_BYTES = 1024 * 1024;

/** Where the lines of a piece of content begin and end, as pairs; without line breaks and empty lines. */
interface Cut {
  readonly bounds: number[];
  /** Bytes that the lines take, with what is between and behind them. */
  readonly taken: number;
}

/**
 * Cuts whole lines off the beginning.
 *
 * @param isLast Nothing follows: what has no line break at its end is a line as well.
 * @param header Of CSV, whose rows may have line breaks within quotes.
 */
export function cutLines(bytes: Uint8Array, limit: number, isLast: boolean, header?: CsvHeader): Cut {
  const bounds: number[] = [];
  const separator = header?.separator.charCodeAt(0);
  let at = 0;
  while (at < bytes.length && bounds.length < 2 * limit) {
    const found = separator === undefined ? bytes.indexOf(NEWLINE, at) : rowEnd(bytes, at, separator, isLast);
    if (found < 0 && !isLast) break;
    const end = found < 0 ? bytes.length : found;
    // A header of CSV is known by its text, with the mark.
    const start = header === undefined ? textStart(bytes, at) : at;
    const contentEnd = withoutSpace(bytes, start, end, header !== undefined);
    if (contentEnd > start) bounds.push(start, contentEnd);
    at = found < 0 ? bytes.length : found + 1;
  }
  return { bounds, taken: at };
}

/** What was made of lines. */
interface LinesRead {
  /** Where the record of each position in the batch begins. */
  readonly starts: readonly number[];
  /** A header of CSV that is another one than before: what lies behind it was not read. */
  readonly next?: {
    readonly columns: CsvHeader;
    /** Of its row among the bounds. */
    readonly index: number;
  };
}

/**
 * Makes events of lines by their reader.
 *
 * @param bytes They become the batch's.
 * @param arrivedMs Wall clock, Unix ms.
 */
export function readLines(
  bytes: Uint8Array,
  bounds: readonly number[],
  batch: EventBatch,
  reader: RecordReader,
  arrivedMs: number,
  header: CsvHeader | undefined,
): LinesRead {
  batch.reset(bytes);
  reader.begin(batch);
  const context = { arrivedMs };
  if (header !== undefined) return readRows(bounds, batch, reader, context, header);
  const mayComment = reader.mapping.format === "influx";
  const starts: number[] = [];
  for (let i = 0; i < bounds.length; i += 2) {
    const [start, end] = [bounds[i]!, bounds[i + 1]!];
    if (mayComment && bytes[start] === HASH) continue;
    batch.reserve();
    starts.push(start);
    if (reader.readPlain(batch, start, context) === end) batch.total++;
    else reader.read(batch, start, end, context);
  }
  return { starts };
}

/** Each row is a record of its own, under the header before it. */
function readRows(
  bounds: readonly number[],
  batch: EventBatch,
  reader: RecordReader,
  context: RecordContext,
  header: CsvHeader,
): LinesRead {
  const starts: number[] = [];
  for (let index = 0; index < bounds.length; index += 2) {
    const start = bounds[index]!;
    const columns = reader.readRow(batch, start, bounds[index + 1]!, context, header);
    if (columns === undefined) starts.push(start);
    // Where files were joined, the same one may come again.
    else if (columns.row.text !== header.row.text) return { starts, next: { columns, index } };
  }
  return { starts };
}

/**
 * Makes events of the lines at the beginning, which are events themselves, `limit` at most.
 *
 * @param bytes They become the batch's.
 * @param isLast As of {@link cutLines}.
 * @returns Where the line of each position begins, and the bytes that the lines take.
 */
export function readEventLines(
  bytes: Uint8Array,
  limit: number,
  isLast: boolean,
  batch: EventBatch,
): { readonly starts: readonly number[]; readonly taken: number } {
  batch.reset(bytes);
  const run = new PlainRun(bytes, batch, "\n");
  const scanner = new EventScanner(new JsonBytes(bytes), batch);
  const starts: number[] = [];
  let at = 0;
  while (at < bytes.length && batch.total < limit) {
    const { count } = batch;
    at = run.scan(at, limit - batch.total);
    for (let i = count; i < batch.count; i++) starts.push(batch.rawStart[i]!);
    if (batch.total === limit) break;
    const found = bytes.indexOf(NEWLINE, at);
    if (found < 0 && (!isLast || at === bytes.length)) break;
    const lineEnd = found < 0 ? bytes.length : found;
    const start = textStart(bytes, at);
    const end = withoutSpace(bytes, start, lineEnd, false);
    if (end > start) {
      starts.push(start);
      batch.reserve();
      if (scanner.scanPlain(start) === end) batch.total++;
      else scanner.scanAny(start, end);
    }
    at = Math.min(lineEnd + 1, bytes.length);
  }
  return { starts, taken: at };
}
