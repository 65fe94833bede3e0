/** Batches of records in the form in which brokers store them (format 2), with no code of the product. */
import { Buffer } from "node:buffer";
import { crc32c } from "../../../src/platform/kafka/crc32c.ts";

export interface BatchRecord {
  readonly offsetDelta: number;
  /** Ms. */
  readonly timeDelta?: number | bigint;
  /** Undefined: none. */
  readonly key?: Uint8Array | undefined;
  readonly value?: Uint8Array | undefined;
  readonly headers?: readonly (readonly [string, string])[];
}

export interface BatchHead {
  readonly firstOffset?: number;
  /** The last record's without it; greater where the last records were compacted away. */
  readonly lastDelta?: number;
  readonly count?: number;
  readonly format?: number;
  readonly attributes?: number;
  readonly firstTimeMs?: number | bigint;
  readonly maxTimeMs?: number;
  readonly producerId?: number;
  /** Of the leader that has written it. */
  readonly epoch?: number;
}

/** @param compress Of the records; the attributes name it. */
export function batchOf(
  records: readonly BatchRecord[],
  head: BatchHead = {},
  compress: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes,
): Buffer {
  const body = compress(Buffer.concat(records.map(recordBytes)));
  const bytes = Buffer.alloc(61 + body.length);
  bytes.writeBigInt64BE(BigInt(head.firstOffset ?? 0), 0);
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeInt32BE(head.epoch ?? 0, 12);
  bytes.writeInt8(head.format ?? 2, 16);
  bytes.writeInt16BE(head.attributes ?? 0, 21);
  bytes.writeInt32BE(head.lastDelta ?? records.at(-1)?.offsetDelta ?? 0, 23);
  bytes.writeBigInt64BE(BigInt(head.firstTimeMs ?? 0), 27);
  bytes.writeBigInt64BE(BigInt(head.maxTimeMs ?? 0), 35);
  bytes.writeBigInt64BE(BigInt(head.producerId ?? -1), 43);
  bytes.writeInt32BE(head.count ?? records.length, 57);
  bytes.set(body, 61);
  return sealed(bytes);
}

/** Gives a batch the checksum of what it has now, which has a test of its own. */
export function sealed(bytes: Buffer): Buffer {
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17);
  return bytes;
}

/** Records that are events, from e`from` to e`to`, without the latter. */
export function eventRecords(from: number, to: number): BatchRecord[] {
  return Array.from({ length: to - from }, (_, i) => ({
    offsetDelta: i,
    value: Buffer.from(JSON.stringify({ name: `e${from + i}`, value: 1, timestamp: 1000 })),
  }));
}

/** A record that the broker has written: a transaction was committed (1) or given up (0). */
export function markerOf(type: 0 | 1, firstOffset: number, producerId: number): Buffer {
  const record = {
    offsetDelta: 0,
    key: Buffer.from([0, 0, 0, type]),
    value: Buffer.from([0, 0, 0, 0, 0, 0]),
  };
  return batchOf([record], { firstOffset, producerId, attributes: 0x30 });
}

export function recordBytes({ offsetDelta, timeDelta = 0, key, value, headers = [] }: BatchRecord): Buffer {
  const text = (bytes: Uint8Array | undefined) =>
    bytes === undefined ? zigzag(-1) : Buffer.concat([zigzag(bytes.length), bytes]);
  const body = Buffer.concat([
    Buffer.from([0]),
    zigzag(timeDelta),
    zigzag(offsetDelta),
    text(key),
    text(value),
    zigzag(headers.length),
    ...headers.flat().map((part) => text(Buffer.from(part))),
  ]);
  return Buffer.concat([zigzag(body.length), body]);
}

export function zigzag(value: number | bigint): Buffer {
  let left = BigInt(value) < 0n ? -BigInt(value) * 2n - 1n : BigInt(value) * 2n;
  const bytes: number[] = [];
  for (; left >= 0x80n; left >>= 7n) bytes.push(Number(left & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(left)]);
}
