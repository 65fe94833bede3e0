import { Buffer } from "node:buffer";
import { crc32c } from "../../../src/platform/kafka/crc32c.ts";

/** A record of a batch, and what may be wrong with it. */
export interface RecordParts {
  readonly key?: string;
  /** Undefined: it has none. */
  readonly value?: string | Uint8Array;
  readonly headerBytes?: number;
  /** After the first offset of its batch; by default its number in the batch. */
  readonly offsetDelta?: number;
}

/** A batch of records, and what may be wrong with it. */
export interface BatchParts {
  readonly firstOffset: number;
  readonly records: readonly RecordParts[];
  readonly count?: number;
  readonly lastDelta?: number;
  readonly attributes?: number;
  /** Undoes nothing: what the records become, as `attributes` say. */
  readonly compress?: (records: Uint8Array) => Uint8Array;
  /** Changes the bytes behind the checksum after it was computed. */
  readonly damage?: (bytes: Uint8Array) => void;
  readonly firstTimeMs?: bigint;
}

export function batchBytes(parts: BatchParts): Uint8Array {
  const { firstOffset, records, attributes = 0, firstTimeMs = 1000n } = parts;
  const plain = Buffer.concat(records.map(recordBytes));
  const stored = parts.compress?.(plain) ?? plain;
  const bytes = Buffer.alloc(61 + stored.length);
  bytes.writeBigInt64BE(BigInt(firstOffset), 0);
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeInt8(2, 16);
  bytes.writeInt16BE(attributes, 21);
  bytes.writeInt32BE(parts.lastDelta ?? Math.max(0, records.length - 1), 23);
  bytes.writeBigInt64BE(firstTimeMs, 27);
  bytes.writeBigInt64BE(firstTimeMs, 35);
  bytes.writeBigInt64BE(-1n, 43);
  bytes.writeInt32BE(parts.count ?? records.length, 57);
  bytes.set(stored, 61);
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17);
  parts.damage?.(bytes.subarray(21));
  return bytes;
}

/** Records that are events, from e`from` to e`to`, without the latter. */
export function eventRecords(from: number, to: number): RecordParts[] {
  return Array.from({ length: to - from }, (_, i) => ({
    value: JSON.stringify({ name: `e${from + i}`, value: 1, timestamp: 1000 }),
  }));
}

function recordBytes({ key, value, headerBytes, offsetDelta }: RecordParts, index: number): Uint8Array {
  const block = (bytes: Uint8Array | undefined) =>
    bytes === undefined ? varint(-1) : Buffer.concat([varint(bytes.length), bytes]);
  const headers = headerBytes === undefined
    ? varint(0)
    : Buffer.concat([varint(1), block(Buffer.from("h")), block(Buffer.alloc(headerBytes))]);
  const body = Buffer.concat([
    Uint8Array.of(0),
    varint(0),
    varint(offsetDelta ?? index),
    block(key === undefined ? undefined : Buffer.from(key)),
    block(value === undefined ? undefined : Buffer.from(value)),
    headers,
  ]);
  return Buffer.concat([varint(body.length), body]);
}

/** Zigzag. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let left = value < 0 ? -2 * value - 1 : 2 * value;
  for (; left > 0x7f; left = Math.floor(left / 128)) bytes.push((left & 0x7f) | 0x80);
  return Uint8Array.from([...bytes, left]);
}
