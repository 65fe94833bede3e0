import { Buffer } from "node:buffer";
import { RECORD_MAX_BYTES } from "../../codec/bus_records.ts";

/** What a server sends is not the protocol, or out of bounds. The message goes on after "what it sends". */
export class NatsFault extends Error {}

/** A message. Of one that is too long only a beginning is kept. */
export interface NatsMessage {
  readonly subject: string;
  /** The number of the subscription. */
  readonly subscription: number;
  readonly reply: string | undefined;
  /** The status of a message that the server itself sends; undefined: it is another one. */
  readonly status: number | undefined;
  /** The header as text; empty: it has none. */
  readonly header: string;
  readonly payload: Uint8Array;
  /** How many bytes the payload has, also where not all are kept. */
  readonly payloadBytes: number;
}

export type NatsFrame =
  | { readonly kind: "message"; readonly message: NatsMessage }
  | { readonly kind: "info"; readonly json: string }
  | { readonly kind: "error"; readonly text: string }
  | { readonly kind: "ping" | "pong" };

const LF = 0x0a;
const CR = 0x0d;
const ZERO = 0x30;
const [LARGE_H, SMALL_H] = [0x48, 0x68];
/** Servers name all others of a cluster in one line. */
const LINE_MAX_BYTES = 64 * 1024;
const HEADER_MAX_BYTES = 64 * 1024;
const BEGINNING_BYTES = 64 * 1024;
/** What is kept whole, with its header. */
const WHOLE_MAX_BYTES = RECORD_MAX_BYTES + HEADER_MAX_BYTES;
const ANNOUNCED_MAX_BYTES = 2 ** 31;
const [SUBSCRIPTION_MAX_DIGITS, BYTES_MAX_DIGITS] = [9, 10];
const STATUS = /^NATS\/1\.0 +(\d{3})/;

/** What a line says of the message that follows. */
interface Announced {
  readonly subject: string;
  readonly subscription: number;
  readonly reply: string | undefined;
  readonly headerBytes: number;
  /** The header and the payload. */
  readonly bytes: number;
}

/** A message that has not come as a whole. */
interface OpenMessage {
  readonly announced: Announced;
  readonly kept: Buffer;
  at: number;
}

/** Cuts a stream of bytes into what a server sends. */
export class NatsParser {
  private rest: Buffer = Buffer.alloc(0);
  private open: OpenMessage | undefined;

  constructor(private readonly received: (frame: NatsFrame) => void) {}

  /** @throws {NatsFault} */
  take(piece: Buffer): void {
    const bytes = this.rest.length === 0 ? piece : Buffer.concat([this.rest, piece]);
    let at = 0;
    while (at < bytes.length) {
      const next = this.open === undefined ? this.line(bytes, at) : this.fill(bytes, at);
      if (next < 0) break;
      at = next;
    }
    // A copy, so that the memory of the larger piece can be freed.
    this.rest = at === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at));
  }

  /** Bytes that follow are another's to read: those of TLS. Returns what was not read yet. */
  get unread(): Buffer {
    return this.rest;
  }

  /** Reads the line that begins at `at`. Returns where what follows begins, or -1: more bytes are needed. */
  private line(bytes: Buffer, at: number): number {
    // That of a Buffer takes twice as long.
    const end = Uint8Array.prototype.indexOf.call(bytes, LF, at);
    if (end < 0 || end - at > LINE_MAX_BYTES) {
      if (bytes.length - at > LINE_MAX_BYTES) throw new NatsFault("has a line without an end");
      return -1;
    }
    if (bytes[end - 1] !== CR) throw new NatsFault("is not NATS's protocol");
    const line = bytes.toString("utf8", at, end - 1);
    const word = line.slice(0, 4).toUpperCase();
    if (word === "MSG " || word === "HMSG") return this.begin(bytes, end + 1, announcedBy(line));
    if (word === "INFO") this.received({ kind: "info", json: line.slice(5) });
    else if (word === "-ERR") this.received({ kind: "error", text: line.slice(5) });
    else if (word === "PING") this.received({ kind: "ping" });
    else if (word === "PONG") this.received({ kind: "pong" });
    else if (word !== "+OK") throw new NatsFault("is not NATS's protocol");
    return end + 1;
  }

  private begin(bytes: Buffer, start: number, announced: Announced): number {
    const { bytes: size, headerBytes } = announced;
    if (size > ANNOUNCED_MAX_BYTES || headerBytes > size) {
      throw new NatsFault(`announces a message of ${size} bytes`);
    }
    if (size <= WHOLE_MAX_BYTES && bytes.length - start >= size + 2) {
      const kept = new Uint8Array(bytes.buffer, bytes.byteOffset + start, size);
      this.end(announced, kept, bytes, start + size);
      return start + size + 2;
    }
    const keptBytes = size <= WHOLE_MAX_BYTES
      ? size
      : Math.min(headerBytes + BEGINNING_BYTES, WHOLE_MAX_BYTES);
    this.open = { announced, kept: Buffer.alloc(keptBytes), at: 0 };
    return start;
  }

  /** Goes on with a message. Returns where it was read to, or -1: more bytes are needed. */
  private fill(bytes: Buffer, from: number): number {
    const open = this.open!;
    const { announced, kept } = open;
    const taken = Math.min(bytes.length - from, announced.bytes - open.at);
    if (open.at < kept.length) bytes.copy(kept, open.at, from, from + taken);
    open.at += taken;
    const end = from + taken;
    if (open.at < announced.bytes || bytes.length - end < 2) return taken === 0 ? -1 : end;
    this.open = undefined;
    this.end(announced, kept, bytes, end);
    return end + 2;
  }

  private end(announced: Announced, kept: Uint8Array, all: Buffer, end: number): void {
    if (all[end] !== CR || all[end + 1] !== LF) throw new NatsFault("has a message of another length");
    const { bytes, headerBytes, reply, subject, subscription } = announced;
    const header = headerBytes === 0 ? "" : headerIn(kept, headerBytes);
    const status = headerBytes === 0 ? undefined : STATUS.exec(header)?.[1];
    this.received({
      kind: "message",
      message: {
        subject,
        subscription,
        reply,
        status: status === undefined ? undefined : Number(status),
        header,
        payload: headerBytes === 0 ? kept : kept.subarray(Math.min(headerBytes, kept.length)),
        payloadBytes: bytes - headerBytes,
      },
    });
  }
}

/**
 * Reads `MSG subject subscription [reply] bytes`, or `HMSG`, which has the bytes of the header before those
 * of both. It is read for each message, so without a regular expression.
 *
 * @throws {NatsFault}
 */
function announcedBy(line: string): Announced {
  const hasHeader = line.charCodeAt(0) === LARGE_H || line.charCodeAt(0) === SMALL_H;
  const subjectAt = line.indexOf(" ") + 1;
  const subscriptionAt = line.indexOf(" ", subjectAt) + 1;
  const restAt = line.indexOf(" ", subscriptionAt) + 1;
  const sizeAt = line.lastIndexOf(" ") + 1;
  const headerAt = hasHeader ? line.lastIndexOf(" ", sizeAt - 2) + 1 : sizeAt;
  const subscription = decimal(line, subscriptionAt, restAt - 1, SUBSCRIPTION_MAX_DIGITS);
  const size = decimal(line, sizeAt, line.length, BYTES_MAX_DIGITS);
  const headerBytes = hasHeader ? decimal(line, headerAt, sizeAt - 1, BYTES_MAX_DIGITS) : 0;
  const subject = line.slice(subjectAt, subscriptionAt - 1);
  const reply = restAt === headerAt ? undefined : line.slice(restAt, headerAt - 1);
  const isComplete = subjectAt > 0 && subscriptionAt > 0 && restAt > 0 && headerAt >= restAt;
  if (
    !isComplete || subject === "" || reply === "" || reply?.includes(" ") || subscription < 0 || size < 0 ||
    headerBytes < 0
  ) throw new NatsFault("is not NATS's protocol");
  return { subject, subscription, reply, headerBytes, bytes: size };
}

/** A number of digits only; -1: the text there is none. */
function decimal(text: string, from: number, to: number, maxDigits: number): number {
  if (to <= from || to - from > maxDigits) return -1;
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function headerIn(kept: Uint8Array, headerBytes: number): string {
  const length = Math.min(headerBytes, kept.length, HEADER_MAX_BYTES);
  return Buffer.from(kept.buffer, kept.byteOffset, length).toString();
}
