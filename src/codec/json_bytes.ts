import { isUtf8 } from "node:buffer";
import {
  BACKSLASH,
  BRACE_CLOSE,
  BRACE_OPEN,
  BRACKET_CLOSE,
  BRACKET_OPEN,
  COLON,
  COMMA,
  QUOTE,
} from "./ascii.ts";

/** The reply is not JSON, or does not have the shape of VaBus. The message is for the operator. */
export class ReplyFormatError extends Error {
  override readonly name = "ReplyFormatError";
}

/** JSON as bytes, whose parts can be cut out without being parsed. */
export class JsonBytes {
  private readonly buffer: Buffer;
  /** Whether all of the bytes are UTF-8. Found out only when it matters. */
  private isText: boolean | undefined;

  constructor(readonly bytes: Uint8Array) {
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /**
   * Where the value that starts at `start` ends, judged by quotes and brackets alone. `JSON.parse` decides
   * later whether it is valid. All bytes looked for are ASCII, so they cannot be a part of another character.
   */
  endOfValue(start: number): number {
    const bytes = this.bytes;
    let depth = 0;
    for (let at = start; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) {
        at = this.closingQuote(at);
        if (depth === 0) return at + 1;
      } else if (byte === BRACE_OPEN || byte === BRACKET_OPEN) {
        depth++;
      } else if (byte === BRACE_CLOSE || byte === BRACKET_CLOSE) {
        if (depth === 0) return at;
        if (--depth === 0) return at + 1;
      } else if (depth === 0 && (byte === COMMA || byte === COLON || isSpace(byte))) {
        return at;
      }
    }
    if (depth > 0) throw this.malformed(bytes.length);
    return bytes.length;
  }

  /**
   * The index of the comma or bracket that ends the element. `JSON.parse` decides later whether the kinds of
   * brackets match.
   */
  endOfElement(start: number): number {
    const bytes = this.bytes;
    let depth = 0;
    for (let at = start; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) at = this.closingQuote(at);
      else if (byte === BRACE_OPEN || byte === BRACKET_OPEN) depth++;
      else if (depth > 0) {
        if (byte === BRACE_CLOSE || byte === BRACKET_CLOSE) depth--;
      } else if (byte === COMMA || byte === BRACKET_CLOSE) return at;
      else if (byte === BRACE_CLOSE) throw this.malformed(at);
    }
    throw this.malformed(bytes.length);
  }

  /**
   * The text; undefined: the bytes are not UTF-8. Replacing them by U+FFFD would make one name of several.
   */
  textBetween(start: number, end: number): string | undefined {
    this.isText ??= isUtf8(this.bytes);
    if (!this.isText && !isUtf8(this.bytes.subarray(start, end))) return undefined;
    return this.text(start, end);
  }

  /** The text of bytes that are known to be UTF-8. */
  text(start: number, end: number): string {
    return this.buffer.toString("utf8", start, end);
  }

  private closingQuote(openingAt: number): number {
    const bytes = this.bytes;
    let at = openingAt + 1;
    while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
    if (at >= bytes.length) throw this.malformed(bytes.length);
    return at;
  }

  withoutSpace(start: number, end: number): number {
    while (end > start && isSpace(this.bytes[end - 1])) end--;
    return end;
  }

  /** The index of the next byte that is not white space. */
  afterSpace(start: number): number {
    let at = start;
    while (isSpace(this.bytes[at])) at++;
    return at;
  }

  malformed(at: number): ReplyFormatError {
    return new ReplyFormatError(
      at >= this.bytes.length
        ? `the reply is cut off after ${this.bytes.length} bytes`
        : `the reply is not JSON in UTF-8 (at byte ${at})`,
    );
  }
}

export function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
