import type { EventBatch, RecordOrigin } from "../event/event_batch.ts";
import { EventScanner } from "./event_scanner.ts";
import { JsonBytes } from "./json_bytes.ts";
import type { RecordContext } from "./mapping/reading.ts";
import type { RecordReader } from "./mapping/record_reader.ts";

/** Longer records are refused, so that memory is bounded. Bytes. */
export const RECORD_MAX_BYTES = 1024 * 1024;
/** What is kept of a record that is refused for its length. Bytes. */
export const BEGINNING_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** What makes events of records. */
export type BusRecordReader = Pick<RecordReader, "begin" | "readPlain" | "read">;

/** A record as a bus has it. */
export interface BusRecord extends RecordContext, RecordOrigin {
  readonly bytes: Uint8Array;
  /** Why it is refused unread, for the operator; undefined: it is read. */
  readonly problem: string | undefined;
  /** The trace that it belongs to, unchecked; undefined or left out: none. */
  readonly traceparent?: string | undefined;
}

/** Why a record of that many bytes is refused; undefined: it is not too long. */
export function lengthProblem(bytes: number): string | undefined {
  return bytes <= RECORD_MAX_BYTES
    ? undefined
    : `a record of ${bytes} bytes, of which ${RECORD_MAX_BYTES} are allowed`;
}

/**
 * Fills a batch with the events of records.
 *
 * @param reader Undefined: records are events as they are.
 */
export function readRecords(
  records: readonly BusRecord[],
  into: EventBatch,
  reader: BusRecordReader | undefined,
): void {
  const ends = copyRecords(records, into);
  if (into.upstream !== undefined) {
    for (const { traceparent } of records) into.upstream.note(traceparent);
  }
  into.originOf = (index) => {
    const { offset, topic, separator, key, busMs } = records[index]!;
    return { offset, topic, separator, key, busMs };
  };
  const scanner = new EventScanner(new JsonBytes(into.bytes), into);
  reader?.begin(into);
  for (let i = 0, start = 0; i < records.length; start = ends[i++]! + 1) {
    const [record, end] = [records[i]!, ends[i]!];
    const { problem } = record;
    if (problem !== undefined) {
      into.invalid.push({ index: into.total++, detail: problem, rawStart: start, rawEnd: end });
      continue;
    }
    into.reserve();
    if (reader === undefined) {
      if (scanner.scanPlain(start) === end) into.total++;
      else scanner.scanAny(start, end);
    } else if (reader.readPlain(into, start, record) === end) into.total++;
    else reader.read(into, start, end, record);
  }
}

/** Copies the records into the batch, each with a line break behind it. Returns where they end. */
function copyRecords(records: readonly BusRecord[], into: EventBatch): number[] {
  let size = 0;
  for (const { bytes } of records) size += bytes.length + 1;
  const all = new Uint8Array(size);
  let at = 0;
  const ends = records.map(({ bytes }) => {
    all.set(bytes, at);
    at += bytes.length;
    all[at] = NEWLINE;
    return at++;
  });
  into.reset(all);
  return ends;
}
