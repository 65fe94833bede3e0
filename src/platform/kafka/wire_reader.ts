import { Buffer } from "node:buffer";

/** What a broker has sent is no answer of Kafka's protocol. The message goes on after "what it answers ". */
export class WireFault extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = "WireFault";
  }
}

/** Reads an answer of Kafka's protocol, in the form of flexible versions or of those before them. */
export class WireReader {
  private readonly view: DataView;
  private at = 0;

  constructor(private readonly bytes: Uint8Array, private readonly isFlexible: boolean) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** @throws {WireFault}, as all that follow. */
  int8(): number {
    return this.view.getInt8(this.take(1));
  }

  int16(): number {
    return this.view.getInt16(this.take(2));
  }

  int32(): number {
    return this.view.getInt32(this.take(4));
  }

  int64(): number {
    return safeInt64(this.view, this.take(8));
  }

  boolean(): boolean {
    return this.int8() !== 0;
  }

  /** 16 bytes as base64url. */
  uuid(): string {
    const at = this.take(16);
    return Buffer.from(this.bytes.subarray(at, at + 16)).toString("base64url");
  }

  /** Undefined: none. */
  string(): string | undefined {
    const length = this.isFlexible ? this.varint() - 1 : this.int16();
    if (length < 0) return undefined;
    const at = this.take(length);
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + at, length).toString();
  }

  /** A view; undefined: none. */
  block(): Uint8Array | undefined {
    const length = this.isFlexible ? this.varint() - 1 : this.int32();
    if (length < 0) return undefined;
    const at = this.take(length);
    return this.bytes.subarray(at, at + length);
  }

  /** Empty where there is none. @param maxItems More than there can be. */
  array<T>(read: () => T, maxItems = Infinity): T[] {
    const length = this.isFlexible ? this.varint() - 1 : this.int32();
    // Each element takes a byte at least.
    if (length > this.bytes.length - this.at) {
      throw new WireFault("announces more elements than it has bytes");
    }
    if (length > maxItems) {
      throw new WireFault(`announces ${length} elements where there are ${maxItems} at most`);
    }
    const items: T[] = [];
    for (let i = 0; i < length; i++) items.push(read());
    return items;
  }

  /**
   * Passes the tagged fields at the end of a structure, which only flexible versions have.
   *
   * @param take Told of each, with a reader of it. What it does not know, it leaves.
   */
  end(take: (tag: number, field: WireReader) => void = () => {}): void {
    if (!this.isFlexible) return;
    for (let count = this.varint(); count > 0; count--) {
      const tag = this.varint();
      const length = this.varint();
      const at = this.take(length);
      take(tag, new WireReader(this.bytes.subarray(at, at + length), true));
    }
  }

  private varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.view.getUint8(this.take(1));
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new WireFault("has a number that does not end");
  }

  private take(count: number): number {
    const at = this.at;
    if (count > this.bytes.length - at) throw new WireFault("is cut off");
    this.at += count;
    return at;
  }
}

/** An int64 that is a safe integer. @throws {WireFault} */
export function safeInt64(view: DataView, at: number): number {
  const value = view.getInt32(at) * 2 ** 32 + view.getUint32(at + 4);
  if (!Number.isSafeInteger(value)) throw new WireFault(`has a number beyond 2^53: ${view.getBigInt64(at)}`);
  return value;
}
