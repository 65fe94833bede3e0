import { isUtf8 } from "node:buffer";
import type { RecordContext } from "../../codec/mapping/reading.ts";
import type { RecordReader } from "../../codec/mapping/record_reader.ts";
import { EventScanner } from "../../codec/event_scanner.ts";
import { JsonBytes } from "../../codec/json_bytes.ts";
import type { EventBatch } from "../../event/event_batch.ts";
import { type CsvHeader, rowEnd } from "./csv_header.ts";

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
const NEWLINE = 0x0a;
const RETURN = 0x0d;
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
  let at = 0;
  while (at < bytes.length && bounds.length < 2 * limit) {
    const found = header === undefined
      ? bytes.indexOf(NEWLINE, at)
      : rowEnd(bytes, at, header.separator, isLast);
    if (found < 0 && !isLast) break;
    const end = found < 0 ? bytes.length : found;
    const contentEnd = withoutSpace(bytes, at, end);
    if (contentEnd > at) bounds.push(at, contentEnd);
    at = found < 0 ? bytes.length : found + 1;
  }
  return { bounds, taken: at };
}

function withoutSpace(bytes: Uint8Array, start: number, end: number): number {
  while (end > start && (bytes[end - 1] === RETURN || bytes[end - 1] === 0x20 || bytes[end - 1] === 0x09)) {
    end--;
  }
  return end;
}

/**
 * Makes events of lines. Returns where the record of each position in the batch begins.
 *
 * @param bytes They become the batch's.
 * @param arrivedMs Wall clock, Unix ms.
 */
export function readLines(
  bytes: Uint8Array,
  bounds: readonly number[],
  batch: EventBatch,
  reader: RecordReader | undefined,
  arrivedMs: number,
  header: CsvHeader | undefined,
): number[] {
  batch.reset(bytes);
  if (reader === undefined) return readEvents(bytes, bounds, batch);
  reader.begin(batch);
  const context = { arrivedMs };
  if (header !== undefined) return readRows(bytes, bounds, batch, reader, context, header);
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
  return starts;
}

/** Each row is a record of its own, with the header over it. */
function readRows(
  bytes: Uint8Array,
  bounds: readonly number[],
  batch: EventBatch,
  reader: RecordReader,
  context: RecordContext,
  header: CsvHeader,
): number[] {
  const starts: number[] = [];
  for (let i = 0; i < bounds.length; i += 2) {
    const [start, end] = [bounds[i]!, bounds[i + 1]!];
    const row = bytes.subarray(start, end);
    const text = isUtf8(row) ? DECODER.decode(row) : undefined;
    // The header comes again where files were joined.
    if (text === header.text || text === `\ufeff${header.text}`) continue;
    starts.push(start);
    reader.read(batch, start, end, context, text && `${header.text}\n${text}`);
  }
  return starts;
}

function readEvents(bytes: Uint8Array, bounds: readonly number[], batch: EventBatch): number[] {
  const scanner = new EventScanner(new JsonBytes(bytes), batch);
  for (let i = 0; i < bounds.length; i += 2) {
    const [start, end] = [bounds[i]!, bounds[i + 1]!];
    batch.reserve();
    if (scanner.scanPlain(start) === end) batch.total++;
    else scanner.scanAny(start, end);
  }
  return bounds.filter((_, i) => i % 2 === 0);
}
