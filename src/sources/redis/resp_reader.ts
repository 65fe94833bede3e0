import { Buffer } from "node:buffer";

/**
 * What a server answers is not the protocol, or out of bounds. The message goes on after "what it
 * answers".
 */
export class RespFault extends Error {
  /** @param isTooMuch Whether a smaller request may be answered in bounds. */
  constructor(message: string, readonly isTooMuch = false) {
    super(message);
  }
}

/** An error that the server answers with. */
export class RespError {
  constructor(readonly text: string) {}
}

/**
 * A text that is not kept whole, since it or the reply is too long: its beginning, and how many bytes it has.
 */
export class LongText {
  constructor(readonly beginning: Uint8Array, readonly length: number) {}
}

export type Reply = Uint8Array | string | number | null | RespError | LongText | Reply[];

/** Of a text. Of longer ones only the beginning is kept. */
export const TEXT_MAX_BYTES = 1024 * 1024;
const BEGINNING_BYTES = 64 * 1024;
/** This much of each text is kept, whatever the reply holds. */
export const LEAST_KEPT_BYTES = 64;
/** As Redis has it by default (`proto-max-bulk-len`), with room. */
const ANNOUNCED_MAX_BYTES = 4 * 1024 * 1024 * 1024;
/** Of a line, such as an error. */
const LINE_MAX_BYTES = 8 * 1024;
const DEPTH_MAX = 8;

const [CR, LF, MINUS, ZERO] = [0x0d, 0x0a, 0x2d, 0x30];
const [STRING, ERROR, INTEGER, BULK, ARRAY] = [0x2b, 0x2d, 0x3a, 0x24, 0x2a];

/** What a reply may hold, so that a server cannot fill the memory. */
export interface ReplyBounds {
  /** Bytes of its texts that are kept. Of texts beyond them only a beginning is. */
  readonly maxBytes: number;
  /** Texts, numbers and arrays. */
  readonly maxItems: number;
}

interface OpenArray {
  readonly items: Reply[];
  readonly length: number;
}

/**
 * Reads replies of the protocol RESP2 from a stream of bytes. A text that lies in one piece is not copied. Of
 * a text beyond the bound only the beginning is kept, and the rest is passed over as it comes.
 */
export class RespReader {
  private rest: Buffer = Buffer.alloc(0);
  private readonly open: OpenArray[] = [];
  private items = 0;
  private bytes = 0;
  /** A text that is too long or spans pieces. */
  private text: { readonly kept: Buffer; readonly length: number; at: number } | undefined;

  /**
   * @param boundsOf What the next reply may hold; undefined: none is expected.
   * @param received Gets whole replies.
   */
  constructor(
    private readonly boundsOf: () => ReplyBounds | undefined,
    private readonly received: (reply: Reply) => void,
  ) {}

  /** @throws {RespFault} */
  take(piece: Buffer): void {
    let bytes = this.rest.length === 0 ? piece : Buffer.concat([this.rest, piece]);
    let at = 0;
    while (at < bytes.length) {
      const next = this.text === undefined ? this.step(bytes, at) : this.fill(bytes, at);
      if (next < 0) break;
      at = next;
    }
    bytes = bytes.subarray(at);
    // A copy, so that the memory of the larger piece can be freed.
    this.rest = bytes.length === 0 ? bytes : Buffer.from(bytes);
  }

  /** Reads what begins at `at`. Returns where it ends, or -1: more bytes are needed. */
  private step(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(LF, at + 1);
    if (end < 0) {
      if (bytes.length - at > LINE_MAX_BYTES) throw new RespFault("has a line without an end");
      return -1;
    }
    if (bytes[end - 1] !== CR || end - at > LINE_MAX_BYTES) throw new RespFault("is not Redis's protocol");
    const kind = bytes[at];
    if (kind === BULK) return this.beginText(bytes, at, end);
    switch (kind) {
      case STRING:
        this.complete(bytes.toString("latin1", at + 1, end - 1));
        break;
      case ERROR:
        this.complete(new RespError(bytes.toString("utf8", at + 1, end - 1)));
        break;
      case INTEGER:
        this.complete(integerIn(bytes, at + 1, end - 1));
        break;
      case ARRAY:
        this.beginArray(integerIn(bytes, at + 1, end - 1));
        break;
      default:
        throw new RespFault("is not Redis's protocol");
    }
    return end + 1;
  }

  private beginArray(length: number): void {
    if (length === -1) return this.complete(null);
    const { maxItems } = this.bounds();
    if (!(length >= 0 && length <= maxItems)) {
      throw new RespFault(`has ${length} items, of which ${maxItems} are allowed`, length > maxItems);
    }
    if (this.open.length >= DEPTH_MAX) throw new RespFault(`is nested more than ${DEPTH_MAX} deep`);
    if (length === 0) return this.complete([]);
    this.count();
    this.open.push({ items: [], length });
  }

  private beginText(bytes: Buffer, at: number, lineEnd: number): number {
    const length = integerIn(bytes, at + 1, lineEnd - 1);
    if (length === -1) {
      this.complete(null);
      return lineEnd + 1;
    }
    if (!(length >= 0 && length <= ANNOUNCED_MAX_BYTES)) {
      throw new RespFault(`announces a text of ${length} bytes`);
    }
    const start = lineEnd + 1;
    const wanted = length > TEXT_MAX_BYTES ? BEGINNING_BYTES : length;
    const isCrowded = this.bytes + wanted > this.bounds().maxBytes;
    const kept = isCrowded ? Math.min(wanted, LEAST_KEPT_BYTES) : wanted;
    this.bytes += kept;
    if (kept === length && bytes.length - start >= length + 2) {
      this.endText(bytes, start + length);
      this.complete(bytes.subarray(start, start + length));
      return start + length + 2;
    }
    this.text = { kept: Buffer.alloc(kept), length, at: 0 };
    return start;
  }

  /** Goes on with a text. Returns where it was read to, or -1: more bytes are needed. */
  private fill(bytes: Buffer, from: number): number {
    const text = this.text!;
    const { kept, length } = text;
    const taken = Math.min(bytes.length - from, length - text.at);
    if (text.at < kept.length) bytes.copy(kept, text.at, from, from + taken);
    text.at += taken;
    const end = from + taken;
    if (text.at < length || bytes.length - end < 2) return taken === 0 ? -1 : end;
    this.endText(bytes, end);
    this.text = undefined;
    this.complete(kept.length < length ? new LongText(kept, length) : kept);
    return end + 2;
  }

  private endText(bytes: Buffer, end: number): void {
    if (bytes[end] !== CR || bytes[end + 1] !== LF) throw new RespFault("has a text of another length");
  }

  private complete(item: Reply): void {
    this.count();
    let done = item;
    for (;;) {
      const outer = this.open.at(-1);
      if (outer === undefined) break;
      outer.items.push(done);
      if (outer.items.length < outer.length) return;
      done = outer.items;
      this.open.pop();
    }
    this.items = this.bytes = 0;
    this.received(done);
  }

  private count(): void {
    const { maxItems } = this.bounds();
    if (++this.items > maxItems) throw new RespFault(`has more than ${maxItems} items`, true);
  }

  private bounds(): ReplyBounds {
    const bounds = this.boundsOf();
    if (bounds === undefined) throw new RespFault("belongs to no request");
    return bounds;
  }
}

function integerIn(bytes: Buffer, start: number, end: number): number {
  const isNegative = bytes[start] === MINUS;
  let value = 0;
  const first = isNegative ? start + 1 : start;
  for (let i = first; i < end; i++) {
    const digit = bytes[i]! - ZERO;
    if (digit < 0 || digit > 9) throw new RespFault("has a number that is none");
    value = value * 10 + digit;
  }
  if (first === end || end - first > 19) throw new RespFault("has a number that is none");
  return isNegative ? -value : value;
}
