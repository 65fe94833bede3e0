import { PushError } from "../push_error.ts";

/** How the value of a field is encoded. */
const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

/** A step of work: so many fields, or as many bytes of texts as take the same time. */
const STEP_FIELDS = 4096;
const FIELD_TEXT_BYTES = 32;

const VARINT_MAX_BYTES = 10;
const TWO_32 = 4_294_967_296;
/** Up to here a loop is faster than the decoder. */
const SHORT_TEXT_BYTES = 48;
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A place in a message, and where the message ends. */
export interface Span {
  readonly at: number;
  readonly end: number;
}

/**
 * Reads the wire format of protobuf field by field, without a copy. It knows no messages: whoever reads one
 * enters it, asks for what its fields should be, and leaves it.
 *
 * Input is hostile. A length is checked before anything behind it is looked at, and memory is taken only for
 * texts that are there. Depth is the caller's: nothing is entered by itself.
 */
export class WireReader {
  /** The next byte. */
  at = 0;
  /** Number of the present field. */
  field = 0;
  private wire = 0;
  private end: number;
  private work = 0;
  private low = 0;
  private high = 0;
  private readonly view: DataView;

  /** @param message What the bytes should be, for messages. */
  constructor(private readonly bytes: Uint8Array, private readonly message: string) {
    this.end = bytes.length;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Whether a step of work was done since the last time that it was true. */
  isStepDone(): boolean {
    if (this.work < STEP_FIELDS) return false;
    this.work = 0;
    return true;
  }

  /** Goes to the next field. Returns false at the end of the message. @throws {PushError} as all do */
  next(): boolean {
    this.work++;
    if (this.at >= this.end) return false;
    const start = this.at;
    this.readVarint();
    const tag = this.low >>> 0;
    this.field = tag >>> 3;
    this.wire = tag & 7;
    if (this.high !== 0 || this.field === 0) throw this.fault("no number of a field", start);
    return true;
  }

  /** Passes over the present field. */
  skip(): void {
    switch (this.wire) {
      case VARINT:
        return this.readVarint();
      case FIXED64:
        return void this.take(8);
      case LENGTH:
        return void this.take(this.length());
      case FIXED32:
        return void this.take(4);
      default:
        throw this.fault(`the wire type ${this.wire}, which is not read`, this.at);
    }
  }

  /** Enters the present field, a message. Returns what {@link leave} has to be told. */
  enter(): number {
    this.expect(LENGTH);
    const length = this.length();
    const outer = this.end;
    this.end = this.at + length;
    return outer;
  }

  /** Enters the message whose length stands there, and which was entered before. */
  enterAt(at: number): void {
    this.at = at;
    this.wire = LENGTH;
    this.enter();
  }

  /** Leaves a message that was read, or whose rest is of no interest. */
  leave(outer: number): void {
    this.at = this.end;
    this.end = outer;
  }

  /** Where the message that the reader is in begins, if nothing of it was read yet, and where it ends. */
  get span(): Span {
    return { at: this.at, end: this.end };
  }

  /** Goes into a message at the place that a span tells. */
  goTo({ at, end }: Span): void {
    this.at = at;
    this.end = end;
  }

  /** Whether the present field is a run of numbers, as repeated ones are written. */
  get isPacked(): boolean {
    return this.wire === LENGTH;
  }

  /** Whether something is left of the message or run. */
  get hasMore(): boolean {
    return this.at < this.end;
  }

  /** In a run, `next` is not called between numbers. */
  enterRun(wire: "varint" | "fixed64"): number {
    const outer = this.enter();
    this.wire = wire === "varint" ? VARINT : FIXED64;
    return outer;
  }

  /** Beyond 2^53 it is rounded, as for all numbers of 64 bits here. */
  uint64(): number {
    this.expect(VARINT);
    this.readVarint();
    return this.high * TWO_32 + this.low;
  }

  int64(): number {
    this.expect(VARINT);
    this.readVarint();
    return (this.high | 0) * TWO_32 + this.low;
  }

  /** All digits of it. */
  int64Digits(): string {
    this.expect(VARINT);
    this.readVarint();
    return BigInt.asIntN(64, (BigInt(this.high) << 32n) | BigInt(this.low)).toString();
  }

  uint32(): number {
    this.expect(VARINT);
    this.readVarint();
    return this.low;
  }

  sint32(): number {
    this.expect(VARINT);
    this.readVarint();
    return (this.low >>> 1) ^ -(this.low & 1);
  }

  fixed64(): number {
    this.readFixed64();
    return this.high * TWO_32 + this.low;
  }

  sfixed64(): number {
    this.readFixed64();
    return (this.high | 0) * TWO_32 + this.low;
  }

  double(): number {
    this.readFixed64();
    return this.view.getFloat64(this.at - 8, true);
  }

  float(): number {
    this.expect(FIXED32);
    return this.view.getFloat32(this.take(4), true);
  }

  /** Whether the double that was read last has exactly these bits. A NaN does not keep them as a number. */
  hadBits(high: number, low: number): boolean {
    return this.high === high && this.low === low;
  }

  /** Undefined: it is not UTF-8. */
  text(): string | undefined {
    const bytes = this.bytesOf();
    if (bytes.length <= SHORT_TEXT_BYTES) {
      let text = "";
      for (let i = 0; i < bytes.length; i++) {
        const byte = bytes[i]!;
        if (byte >= 0x80) return decoded(bytes);
        text += String.fromCharCode(byte);
      }
      return text;
    }
    return decoded(bytes);
  }

  /** A view of the content of the present field. */
  bytesOf(): Uint8Array {
    this.expect(LENGTH);
    const length = this.length();
    const start = this.take(length);
    this.work += Math.floor(length / FIELD_TEXT_BYTES);
    return this.bytes.subarray(start, start + length);
  }

  /** What is wrong at a byte, as the end of a sentence that has "there is". */
  fault(what: string, at: number): PushError {
    return new PushError(400, `the body is no ${this.message}: there is ${what} at byte ${at}`);
  }

  private expect(wire: number): void {
    if (this.wire === wire) return;
    throw this.fault(`field ${this.field} with the wire type ${this.wire} instead of ${wire}`, this.at);
  }

  /** The length of what follows, which is there. */
  private length(): number {
    const start = this.at;
    this.readVarint();
    const length = this.high * TWO_32 + this.low;
    if (length > this.end - this.at) {
      throw this.fault(`a length of ${length}, with ${this.end - this.at} bytes left,`, start);
    }
    return length;
  }

  /** Passes over bytes. Returns where they begin. */
  private take(count: number): number {
    const start = this.at;
    if (count > this.end - start) {
      throw this.fault(`a number of ${count} bytes, with ${this.end - start} left,`, start);
    }
    this.at += count;
    return start;
  }

  private readFixed64(): void {
    this.expect(FIXED64);
    const start = this.take(8);
    this.low = this.view.getUint32(start, true);
    this.high = this.view.getUint32(start + 4, true);
  }

  private readVarint(): void {
    const { bytes, end } = this;
    const start = this.at;
    let low = 0;
    let high = 0;
    for (let i = 0; i < VARINT_MAX_BYTES; i++) {
      if (this.at >= end) throw this.fault("a number that is cut off", start);
      const byte = bytes[this.at++]!;
      const bits = byte & 0x7f;
      if (i < 4) low |= bits << (7 * i);
      else if (i === 4) {
        low |= bits << 28;
        high = bits >> 4;
      } else high |= bits << (7 * i - 32);
      if (byte >= 0x80) continue;
      if (i === VARINT_MAX_BYTES - 1 && byte > 1) break;
      this.low = low >>> 0;
      this.high = high >>> 0;
      return;
    }
    throw this.fault("a number of more than 64 bits", start);
  }
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return DECODER.decode(bytes);
  } catch {
    return undefined;
  }
}
