import { Buffer } from "node:buffer";

const ENCODER = new TextEncoder();

/** Writes a request of Kafka's protocol, in the form of flexible versions or of those before them. */
export class WireWriter {
  private bytes = new Uint8Array(256);
  private view = new DataView(this.bytes.buffer);
  private length = 0;

  constructor(private readonly isFlexible: boolean) {}

  /** What was written, as long as nothing more is. */
  get written(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  int8(value: number): this {
    const at = this.reserve(1);
    this.view.setInt8(at, value);
    return this;
  }

  int16(value: number): this {
    const at = this.reserve(2);
    this.view.setInt16(at, value);
    return this;
  }

  int32(value: number): this {
    const at = this.reserve(4);
    this.view.setInt32(at, value);
    return this;
  }

  /** A safe integer. */
  int64(value: number): this {
    const at = this.reserve(8);
    this.view.setBigInt64(at, BigInt(value));
    return this;
  }

  boolean(value: boolean): this {
    return this.int8(value ? 1 : 0);
  }

  /** @param text 16 bytes as base64url. */
  uuid(text: string): this {
    return this.raw(Buffer.from(text, "base64url"));
  }

  /** Undefined: none. */
  string(text: string | undefined): this {
    if (text === undefined) return this.isFlexible ? this.varint(0) : this.int16(-1);
    const bytes = ENCODER.encode(text);
    if (this.isFlexible) this.varint(bytes.length + 1);
    else this.int16(bytes.length);
    return this.raw(bytes);
  }

  /** Bytes with their length before them. */
  block(bytes: Uint8Array): this {
    if (this.isFlexible) this.varint(bytes.length + 1);
    else this.int32(bytes.length);
    return this.raw(bytes);
  }

  array<T>(items: readonly T[], write: (item: T) => unknown): this {
    if (this.isFlexible) this.varint(items.length + 1);
    else this.int32(items.length);
    for (const item of items) write(item);
    return this;
  }

  /** The end of a structure: no tagged fields, which only flexible versions have. */
  end(): this {
    return this.isFlexible ? this.int8(0) : this;
  }

  raw(bytes: Uint8Array): this {
    const at = this.reserve(bytes.length);
    this.bytes.set(bytes, at);
    return this;
  }

  private varint(value: number): this {
    for (; value > 0x7f; value >>>= 7) this.int8((value & 0x7f) | 0x80);
    return this.int8(value);
  }

  private reserve(count: number): number {
    const at = this.length;
    this.length += count;
    if (this.length > this.bytes.length) {
      const grown = new Uint8Array(Math.max(2 * this.bytes.length, this.length));
      grown.set(this.bytes);
      this.bytes = grown;
      this.view = new DataView(grown.buffer);
    }
    return at;
  }
}
