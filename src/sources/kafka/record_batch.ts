import { DECOMPRESSION } from "../../platform/kafka/decompression.ts";
import { crc32c } from "../../platform/kafka/crc32c.ts";
import { safeInt64, WireFault } from "../../platform/kafka/wire_reader.ts";

/** Bytes up to the length of a batch, which counts what follows it. */
const LENGTH_END = 12;
/** Where the checksum of a batch is, and where that begins which it is the checksum of. */
const CHECKSUM_AT = 17;
const CHECKED_FROM = 21;
/** Bytes of a batch before its records. */
const HEAD_BYTES = 61;
/** Uncompressed bytes of a batch at most. By default brokers accept batches of a megabyte, compressed. */
const RECORDS_MAX_BYTES = 128 * 1024 * 1024;

const CODECS = [undefined, "gzip", "snappy", "lz4", "zstd"] as const;
const COMPRESSION = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
/** The type of the control record that says that a transaction was given up. */
const ABORT = 0;
const LATIN = new TextDecoder("latin1");

/** The head of a batch of records. */
export interface RecordBatch {
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly isTransactional: boolean;
  /** Whether it holds no records of producers, but one of the broker. */
  readonly isControl: boolean;
  readonly producerId: number;
  readonly count: number;
  /**
   * Unix ms, to which each record adds its own; NaN: it is no number. Where the first record has no time, it
   * is -1, and the others have theirs all the same.
   */
  readonly firstTimeMs: number;
  /** The time that all records have, Unix ms; below 0 or NaN: it is none. Undefined: each has its own. */
  readonly commonTimeMs: number | undefined;
  /** What undoes its compression; undefined: it has none. */
  readonly codec: keyof typeof DECOMPRESSION | undefined;
  /** Its records, as they are stored. */
  readonly stored: Uint8Array;
  readonly checksum: number;
  /** What the checksum is of. */
  readonly checked: Uint8Array;
}

/** Where the batch at `at` ends; undefined: it is not all there. @throws {WireFault} */
export function batchEnd(view: DataView, at: number): number | undefined {
  if (at + LENGTH_END > view.byteLength) return undefined;
  const length = view.getInt32(at + 8);
  if (length < HEAD_BYTES - LENGTH_END) {
    throw new WireFault("has records in a format before that of Kafka 0.11");
  }
  const end = at + LENGTH_END + length;
  return end <= view.byteLength ? end : undefined;
}

/** Reads the head of a whole batch. @throws {WireFault} */
export function readBatch(bytes: Uint8Array, at: number, end: number): RecordBatch {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, end - at);
  if (view.getInt8(16) !== 2) throw new WireFault("has records in a format before that of Kafka 0.11");
  const attributes = view.getInt16(21);
  const firstOffset = safeInt64(view, 0);
  const lastDelta = view.getInt32(23);
  const count = view.getInt32(57);
  const codec = CODECS[attributes & COMPRESSION];
  if ((attributes & COMPRESSION) >= CODECS.length) {
    throw new WireFault("has records in an unknown compression");
  }
  if (firstOffset < 0 || lastDelta < 0 || count < 0 || count > lastDelta + 1) {
    throw new WireFault("has a batch of records whose offsets contradict each other");
  }
  return {
    firstOffset,
    lastOffset: firstOffset + lastDelta,
    isTransactional: (attributes & TRANSACTIONAL) !== 0,
    isControl: (attributes & CONTROL) !== 0,
    producerId: safeInt64(view, 43),
    count,
    // Producers choose times as they like, so a senseless one is no fault of the batch.
    firstTimeMs: numberAt(view, 27),
    commonTimeMs: (attributes & LOG_APPEND_TIME) !== 0 ? numberAt(view, 35) : undefined,
    codec,
    stored: bytes.subarray(at + HEAD_BYTES, end),
    checksum: view.getUint32(CHECKSUM_AT),
    checked: bytes.subarray(at + CHECKED_FROM, end),
  };
}

/** NaN: a number does not hold it. */
function numberAt(view: DataView, at: number): number {
  const found = Number(view.getBigInt64(at));
  return Number.isSafeInteger(found) ? found : NaN;
}

/** @throws {WireFault} The batch is not as its producer has sent it. */
export function assertUndamaged({ checked, checksum }: RecordBatch): void {
  if (crc32c(checked) !== checksum) {
    throw new WireFault(
      "has a batch of records whose checksum is another one: it was damaged on its way or on disk",
    );
  }
}

/** Undoes the compression of the records. @throws {WireFault} */
export function recordsOf({ codec, stored }: RecordBatch): Uint8Array {
  if (codec === undefined) return stored;
  try {
    return DECOMPRESSION[codec](stored, RECORDS_MAX_BYTES);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new WireFault(`has records compressed with ${codec} that cannot be read: ${reason}`);
  }
}

/** Whether a batch of control ends a transaction by giving it up. @throws {WireFault} */
export function isAbort(batch: RecordBatch): boolean {
  const records = new RecordCursor(batch, recordsOf(batch));
  if (!records.next() || records.keyLength < 4) return false;
  const { bytes, keyStart } = records;
  return (bytes[keyStart + 2]! << 8 | bytes[keyStart + 3]!) === ABORT;
}

/** Goes through the records of a batch. The fields are those of the record that {@link next} has found. */
export class RecordCursor {
  offset = 0;
  /** Unix ms; -1: it has none. */
  timeMs = -1;
  keyStart = 0;
  /** -1: it has no key. */
  keyLength = -1;
  valueStart = 0;
  /** -1: it has no value. */
  valueLength = -1;
  private at = 0;
  private headersStart = 0;
  private left: number;
  private previous: number;

  constructor(private readonly batch: RecordBatch, readonly bytes: Uint8Array) {
    this.left = batch.count;
    this.previous = batch.firstOffset - 1;
  }

  /** Returns whether there is another one. @throws {WireFault} */
  next(): boolean {
    if (this.left === 0) {
      if (this.at < this.bytes.length) throw new WireFault("has a batch with more records than it counts");
      return false;
    }
    this.left--;
    const length = this.varint();
    const start = this.at;
    const end = start + length;
    if (length < 0 || end > this.bytes.length) throw new WireFault("has a record that is cut off");
    this.at++;
    const timeDelta = this.varlong();
    const offset = this.batch.firstOffset + this.varint();
    if (offset <= this.previous || offset > this.batch.lastOffset) {
      throw new WireFault("has records whose offsets contradict those of their batch");
    }
    this.offset = this.previous = offset;
    const { commonTimeMs, firstTimeMs } = this.batch;
    const timeMs = commonTimeMs ?? firstTimeMs + timeDelta;
    this.timeMs = timeMs >= 0 && timeMs <= Number.MAX_SAFE_INTEGER ? timeMs : -1;
    this.keyLength = this.varint();
    this.keyStart = this.at;
    this.at += Math.max(0, this.keyLength);
    this.valueLength = this.varint();
    this.valueStart = this.at;
    if (this.at + Math.max(0, this.valueLength) > end) throw new WireFault("has a record that is cut off");
    this.headersStart = this.at + Math.max(0, this.valueLength);
    this.at = end;
    return true;
  }

  /** What the record's header of that name holds, as text; undefined: it has none that can be read. */
  header(name: string): string | undefined {
    const end = this.at;
    this.at = this.headersStart;
    try {
      for (let left = this.varint(); left > 0 && this.at < end; left--) {
        const [key, value] = [this.headerPart(end), this.headerPart(end)];
        if (key.length === name.length && LATIN.decode(key) === name) return LATIN.decode(value);
      }
      return undefined;
    } catch (error) {
      // Nothing else is made of headers, so a record with broken ones is as good as another.
      if (!(error instanceof WireFault)) throw error;
      return undefined;
    } finally {
      this.at = end;
    }
  }

  private headerPart(end: number): Uint8Array {
    const length = Math.max(0, this.varint());
    const start = this.at;
    this.at += length;
    if (this.at > end) throw new WireFault("has a record whose headers are cut off");
    return this.bytes.subarray(start, this.at);
  }

  /** Zigzag, of 32 bits. */
  private varint(): number {
    const { bytes } = this;
    let byte = bytes[this.at++]!;
    let value = byte & 0x7f;
    for (let shift = 7; byte >= 0x80; shift += 7) {
      if (shift > 28) throw new WireFault("has a record with a number that does not end");
      byte = bytes[this.at++]!;
      value |= (byte & 0x7f) << shift;
    }
    return value >>> 1 ^ -(value & 1);
  }

  /** Zigzag, of 64 bits, as far as a number holds it. */
  private varlong(): number {
    const { bytes } = this;
    let value = 0;
    for (let shift = 0;; shift += 7) {
      const byte = bytes[this.at++]!;
      if (shift > 63 || byte === undefined) {
        throw new WireFault("has a record with a number that does not end");
      }
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}
