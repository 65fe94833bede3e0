import type { Compression } from "../../platform/kafka/compression.ts";
import { crc32c } from "../../platform/kafka/crc32c.ts";
import { keyHash } from "./key_hash.ts";

/** Bytes of a batch before its records. */
const BATCH_HEAD_BYTES = 61;
/** Bytes of a record before its key, at most: its length, its attributes, its time and its offset. */
const RECORD_HEAD_MAX_BYTES = 12;
/** Where that begins which the length of a batch counts. */
const LENGTH_END = 12;
/** Where the checksum of a batch is, and where that begins which it is the checksum of. */
const CHECKSUM_AT = 17;
const CHECKED_FROM = 21;
const FORMAT = 2;
const TRANSACTIONAL = 0x10;
const VARINT_MAX_BYTES = 5;
/** Rows that are encoded as one text. */
const CHUNK_ROWS = 128;
/** Bytes of a record, about: growing to them from few would copy them several times. */
const RECORD_BYTES = 256;
/** Room for a varint in a text, by its number of bytes. */
const ROOM = Array.from({ length: VARINT_MAX_BYTES + 1 }, (_, bytes) => "\0".repeat(bytes));
const ENCODER = new TextEncoder();
const LATIN = new TextDecoder("latin1");

/** What the producer of a batch says of itself and of the batch. */
export interface Producer {
  readonly isTransactional: boolean;
  readonly id: bigint;
  readonly epoch: number;
  /** The number of the first record of the batch among the producer's records for the partition. */
  readonly firstSequence: number;
}

/** Keys and values, by their indices. They are made anew each time. */
export interface Rows {
  readonly count: number;
  record(index: number): { readonly key: string; readonly value: string };
}

/**
 * Records, encoded once for whatever request and partition: each has a key, a value and the headers that all
 * share, in Kafka's format 2. An object for each record would cost more than the record.
 */
export class EncodedRecords {
  private bytes: Uint8Array;
  /** Bytes written. */
  private end = 0;
  /** Where each record begins, and where the last one ends. */
  private readonly starts: Int32Array;
  /** Where the key of each record begins, and where it ends. */
  private readonly keyStarts: Int32Array;
  private readonly keyEnds: Int32Array;
  private readonly headers: Uint8Array;
  private readonly headersText: string;

  /** @param timeMs Of the records, Unix ms. */
  constructor(
    rows: Rows,
    headers: Readonly<Record<string, string>>,
    private readonly timeMs: number,
    private readonly compression: Compression,
  ) {
    const { count } = rows;
    this.bytes = new Uint8Array(count * RECORD_BYTES);
    this.headers = encodedHeaders(headers);
    this.headersText = LATIN.decode(this.headers);
    this.starts = new Int32Array(count + 1);
    this.keyStarts = new Int32Array(count);
    this.keyEnds = new Int32Array(count);
    for (let from = 0; from < count; from += CHUNK_ROWS) {
      this.encode(rows, from, Math.min(count, from + CHUNK_ROWS));
    }
    this.starts[count] = this.end;
  }

  /** The records of requests, one after another: as many as a batch of `maxBytes` holds, one at least. */
  *runs(maxBytes: number): Generator<RecordRun> {
    const count = this.starts.length - 1;
    for (let from = 0, to = 0; from < count; from = to) {
      let bytes = BATCH_HEAD_BYTES;
      do bytes += RECORD_HEAD_MAX_BYTES + this.bytesOf(to++); while (
        to < count && bytes + RECORD_HEAD_MAX_BYTES + this.bytesOf(to) <= maxBytes
      );
      yield new RecordRun(this, from, to);
    }
  }

  /** The number of the partition that a record belongs to, which follows from its key. */
  partitionOf(index: number, partitionCount: number): number {
    if (partitionCount === 1) return 0;
    return keyHash(this.bytes, this.keyStarts[index]!, this.keyEnds[index]!) % partitionCount;
  }

  /** A batch of some of the records. */
  batch(indices: readonly number[], producer: Producer): Uint8Array {
    let size = BATCH_HEAD_BYTES + indices.length * RECORD_HEAD_MAX_BYTES;
    for (const index of indices) size += this.bytesOf(index);
    const batch = new Uint8Array(size);
    let at = BATCH_HEAD_BYTES;
    for (let delta = 0; delta < indices.length; delta++) {
      const [start, end] = [this.starts[indices[delta]!]!, this.starts[indices[delta]! + 1]!];
      at = putVarint(batch, at, 2 + varintBytes(delta) + end - start);
      // Neither attributes, nor a time other than that of the batch.
      batch[at++] = 0;
      batch[at++] = 0;
      at = putVarint(batch, at, delta);
      batch.set(this.bytes.subarray(start, end), at);
      at += end - start;
    }
    return this.sealed(this.compressed(batch.subarray(0, at)), indices.length, producer);
  }

  /** The batch with its records compressed. Its head, which is still empty, stays as it is. */
  private compressed(batch: Uint8Array): Uint8Array {
    const { attribute, compress } = this.compression;
    if (attribute === 0) return batch;
    const records = compress(batch.subarray(BATCH_HEAD_BYTES));
    const made = new Uint8Array(BATCH_HEAD_BYTES + records.length);
    made.set(records, BATCH_HEAD_BYTES);
    return made;
  }

  /** Writes the head of a batch before its records. */
  private sealed(batch: Uint8Array, count: number, producer: Producer): Uint8Array {
    const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
    const time = BigInt(Math.round(this.timeMs));
    view.setInt32(8, batch.length - LENGTH_END);
    view.setInt8(16, FORMAT);
    view.setInt16(21, this.compression.attribute | (producer.isTransactional ? TRANSACTIONAL : 0));
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

  private bytesOf(index: number): number {
    return this.starts[index + 1]! - this.starts[index]!;
  }

  /**
   * Encodes some rows as one text, with room for the lengths in it: the encoder costs more to be called than
   * to encode a row. Only ASCII has as many bytes as characters.
   */
  private encode(rows: Rows, from: number, to: number): void {
    const valueLengths: number[] = [];
    let text = "";
    for (let i = from; i < to; i++) {
      const { key, value } = rows.record(i);
      this.starts[i] = this.end + text.length;
      text += ROOM[varintBytes(key.length)]! + key;
      this.keyEnds[i] = this.end + text.length;
      this.keyStarts[i] = this.keyEnds[i]! - key.length;
      text += ROOM[varintBytes(value.length)]! + value + this.headersText;
      valueLengths.push(value.length);
    }
    this.reserve(text.length);
    const { read } = ENCODER.encodeInto(text, this.bytes.subarray(this.end, this.end + text.length));
    if (read < text.length) return this.encodeEach(rows, from, to);
    for (let i = from; i < to; i++) {
      putVarint(this.bytes, this.starts[i]!, this.keyEnds[i]! - this.keyStarts[i]!);
      putVarint(this.bytes, this.keyEnds[i]!, valueLengths[i - from]!);
    }
    this.end += text.length;
  }

  /** The same for rows that are not all ASCII: only the encoder knows their lengths. */
  private encodeEach(rows: Rows, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const record = rows.record(i);
      const [key, value] = [ENCODER.encode(record.key), ENCODER.encode(record.value)];
      this.reserve(key.length + value.length + 2 * VARINT_MAX_BYTES + this.headers.length);
      this.starts[i] = this.end;
      this.keyStarts[i] = putVarint(this.bytes, this.end, key.length);
      this.bytes.set(key, this.keyStarts[i]!);
      this.keyEnds[i] = this.keyStarts[i]! + key.length;
      const valueStart = putVarint(this.bytes, this.keyEnds[i]!, value.length);
      this.bytes.set(value, valueStart);
      this.bytes.set(this.headers, valueStart + value.length);
      this.end = valueStart + value.length + this.headers.length;
    }
  }

  private reserve(count: number): void {
    if (this.end + count <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.bytes.length, this.end + count));
    grown.set(this.bytes.subarray(0, this.end));
    this.bytes = grown;
  }
}

/** The records of one request. */
export class RecordRun {
  constructor(
    private readonly records: EncodedRecords,
    private readonly from: number,
    private readonly to: number,
  ) {}

  get count(): number {
    return this.to - this.from;
  }

  /** The records by the number of their partition. */
  byPartition(partitionCount: number): Record<number, PartitionRecords> {
    const found: Record<number, PartitionRecords> = {};
    for (let i = this.from; i < this.to; i++) {
      (found[this.records.partitionOf(i, partitionCount)] ??= new PartitionRecords(this.records)).add(i);
    }
    return found;
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
