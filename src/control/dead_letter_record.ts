import { type AggregateRecord, toRecord } from "../aggregation/aggregate.ts";
import type { DeadLetter } from "../state/letters/dead_letters.ts";

/** A dead letter as JSON for programs. Times are Unix seconds. What it does not have is not there. */
export interface DeadLetterRecord {
  readonly id: number;
  readonly reason: string;
  readonly detail: string;
  readonly refused_at: number;
  readonly bus: string | undefined;
  readonly partition?: string;
  /** Of the file that it stood in. */
  readonly path?: string;
  readonly offset: number | undefined;
  /** The event as text, or, where it is not UTF-8, in base64. */
  readonly raw?: string;
  readonly raw_base64?: string;
  /** There is more of the event than is shown. */
  readonly cut?: true;
  readonly sink: string | undefined;
  readonly aggregate?: AggregateRecord;
}

/** @param rawMaxBytes Bytes of the event that are shown, at most; default: all that are kept. */
export function deadLetterRecord(
  deadLetter: DeadLetter,
  instance: string,
  rawMaxBytes = Infinity,
): DeadLetterRecord {
  const { id, reason, detail, bus, partition, offset, sink, aggregate, raw, refusedAtMs } = deadLetter;
  const { path } = deadLetter.origin;
  const shown = raw?.subarray(0, rawMaxBytes);
  const isCut = deadLetter.isCut || (shown?.length ?? 0) < (raw?.length ?? 0);
  return {
    id,
    reason,
    detail,
    refused_at: refusedAtMs / 1000,
    bus,
    ...(partition && { partition }),
    ...(path !== undefined && { path }),
    offset,
    ...(shown !== undefined && rawField(shown, shown.length < (raw?.length ?? 0))),
    ...(isCut && { cut: true }),
    sink,
    ...(aggregate && { aggregate: toRecord(aggregate, instance) }),
  };
}

/** The bytes as text; undefined: they are not UTF-8. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** @param isBeginning Whether the last character may be cut in two. */
function rawField(raw: Uint8Array, isBeginning: boolean): Pick<DeadLetterRecord, "raw" | "raw_base64"> {
  const text = textOf(isBeginning ? withoutHalfCharacter(raw) : raw);
  return text === undefined ? { raw_base64: raw.toBase64() } : { raw: text };
}

function withoutHalfCharacter(bytes: Uint8Array): Uint8Array {
  const last = bytes.findLastIndex((byte) => byte < 0x80 || byte >= 0xc0);
  return last >= 0 && bytes[last]! >= 0xc0 && bytes.length - last < 4 ? bytes.subarray(0, last) : bytes;
}
