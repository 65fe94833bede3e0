import { crc32c } from "../../platform/kafka/crc32c.ts";
import { keyHash } from "./key_hash.ts";

/** Bytes of a batch before its records. */
export const BATCH_HEAD_BYTES = 61;
/** Bytes of a record before its key, at most: its length, its attributes, its time and its offset. */
export const RECORD_HEAD_MAX_BYTES = 12;
/** Where that begins which the length of a batch counts. */
const LENGTH_END = 12;
/** Where the checksum of a batch is, and where that begins which it is the checksum of. */
const CHECKSUM_AT = 17;
const CHECKED_FROM = 21;
const FORMAT = 2;
const TRANSACTIONAL = 0x10;
const VARINT_MAX_BYTES = 5;
/** Bytes that a character of a text takes as UTF-8, at most. */
const CHARACTER_MAX_BYTES = 3;
const ENCODER = new TextEncoder();

/** What the producer of a batch says of itself and of the batch. */
export interface Producer {
  readonly isTransactional: boolean;
  readonly id: bigint;
  readonly epoch: number;
  /** The number of the first record of the batch among the producer's records for the partition. */
  readonly firstSequence: number;
}

/**
 * The records of one request, encoded once for whatever partition: each has a key, a value and the headers
 * that all share, in Kafka's format 2. An object for each record would cost more than the record.
 */
export class EncodedRecords {
  private bytes = new Uint8Array(16 * 1024);
  /** Bytes written. */
  private end = 0;
  /** Where each record ends. */
  private readonly ends: number[] = [];
  private readonly hashes: number[] = [];
  private readonly headers: Uint8Array;

  /**
   * @param maxBytes Bytes of a batch with all of them, at most. A single record may be larger.
   * @param timeMs Of the records, Unix ms.
   */
  constructor(
    headers: Readonly<Record<string, string>>,
    private readonly maxBytes: number,
    private readonly timeMs: number,
  ) {
    this.headers = encodedHeaders(headers);
  }

  get count(): number {
    return this.ends.length;
  }

  /** Returns false where there is no room for one more. */
  add(key: string, value: string): boolean {
    const start = this.end;
    this.reserve(
      CHARACTER_MAX_BYTES * (key.length + value.length) + 2 * VARINT_MAX_BYTES + this.headers.length,
    );
    const keyStart = this.text(key);
    const hash = keyHash(this.bytes, keyStart, this.end);
    this.text(value);
    this.bytes.set(this.headers, this.end);
    this.end += this.headers.length;
    const heads = BATCH_HEAD_BYTES + (this.count + 1) * RECORD_HEAD_MAX_BYTES;
    if (this.count > 0 && this.end + heads > this.maxBytes) {
      this.end = start;
      return false;
    }
    this.ends.push(this.end);
    this.hashes.push(hash);
    return true;
  }

  /** The records by the number of their partition, which follows from the key. */
  byPartition(partitionCount: number): Record<number, PartitionRecords> {
    const found: Record<number, PartitionRecords> = {};
    for (let i = 0; i < this.count; i++) {
      const records = found[this.hashes[i]! % partitionCount] ??= new PartitionRecords(this);
      records.add(i);
    }
    return found;
  }

  /** A batch of some of the records. */
  batch(indices: readonly number[], producer: Producer): Uint8Array {
    let size = BATCH_HEAD_BYTES + indices.length * RECORD_HEAD_MAX_BYTES;
    for (const i of indices) size += this.ends[i]! - this.startOf(i);
    const batch = new Uint8Array(size);
    let at = BATCH_HEAD_BYTES;
    for (let delta = 0; delta < indices.length; delta++) {
      const [start, end] = [this.startOf(indices[delta]!), this.ends[indices[delta]!]!];
      at = putVarint(batch, at, 2 + varintBytes(delta) + end - start);
      // Neither attributes, nor a time other than that of the batch.
      batch[at++] = 0;
      batch[at++] = 0;
      at = putVarint(batch, at, delta);
      batch.set(this.bytes.subarray(start, end), at);
      at += end - start;
    }
    return this.sealed(batch.subarray(0, at), indices.length, producer);
  }

  /** Writes the head of a batch before its records. */
  private sealed(batch: Uint8Array, count: number, producer: Producer): Uint8Array {
    const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
    const time = BigInt(Math.round(this.timeMs));
    view.setInt32(8, batch.length - LENGTH_END);
    view.setInt8(16, FORMAT);
    view.setInt16(21, producer.isTransactional ? TRANSACTIONAL : 0);
    view.setInt32(23, count - 1);
    view.setBigInt64(27, time);
    view.setBigInt64(35, time);
    view.setBigInt64(43, producer.id);
    view.setInt16(51, producer.epoch);
    view.setInt32(53, producer.firstSequence);
    view.setInt32(57, count);
    view.setUint32(CHECKSUM_AT, crc32c(batch.subarray(CHECKED_FROM)));
    return batch;
  }

  private startOf(index: number): number {
    return index === 0 ? 0 : this.ends[index - 1]!;
  }

  /** Writes a text with its length before it. Returns where the text begins. */
  private text(text: string): number {
    const { bytes } = this;
    const lengthAt = this.end;
    const start = putVarint(bytes, lengthAt, text.length);
    let at = start;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return this.encodedText(text, lengthAt);
      bytes[at++] = code;
    }
    this.end = at;
    return start;
  }

  /** The same for a text that is not ASCII: only the encoder knows its length. */
  private encodedText(text: string, lengthAt: number): number {
    const encoded = ENCODER.encode(text);
    const start = putVarint(this.bytes, lengthAt, encoded.length);
    this.bytes.set(encoded, start);
    this.end = start + encoded.length;
    return start;
  }

  private reserve(count: number): void {
    if (this.end + count <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.bytes.length, this.end + count));
    grown.set(this.bytes.subarray(0, this.end));
    this.bytes = grown;
  }
}

/** Those of the records of a request that belong to one partition, in their order. */
export class PartitionRecords {
  private readonly indices: number[] = [];

  constructor(private readonly records: EncodedRecords) {}

  /** How many there are. kafkajs counts on by it. */
  get length(): number {
    return this.indices.length;
  }

  add(index: number): void {
    this.indices.push(index);
  }

  batch(producer: Producer): Uint8Array {
    return this.records.batch(this.indices, producer);
  }
}

function encodedHeaders(headers: Readonly<Record<string, string>>): Uint8Array {
  const texts = Object.entries(headers).flat().map((text) => ENCODER.encode(text));
  const bytes = new Uint8Array(
    texts.reduce((sum, text) => sum + VARINT_MAX_BYTES + text.length, VARINT_MAX_BYTES),
  );
  let end = putVarint(bytes, 0, texts.length / 2);
  for (const text of texts) {
    end = putVarint(bytes, end, text.length);
    bytes.set(text, end);
    end += text.length;
  }
  return bytes.slice(0, end);
}

/** Writes a count as a varint with zigzag. Returns where it ends. */
function putVarint(bytes: Uint8Array, at: number, count: number): number {
  let rest = 2 * count;
  for (; rest > 0x7f; rest >>>= 7) bytes[at++] = rest & 0x7f | 0x80;
  bytes[at++] = rest;
  return at;
}

function varintBytes(count: number): number {
  let bytes = 1;
  for (let rest = count >>> 6; rest > 0; rest >>>= 7) bytes++;
  return bytes;
}
