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
/** Servers name all others of a cluster in one line. */
const LINE_MAX_BYTES = 64 * 1024;
const HEADER_MAX_BYTES = 64 * 1024;
const BEGINNING_BYTES = 64 * 1024;
/** What is kept whole, with its header. */
const WHOLE_MAX_BYTES = RECORD_MAX_BYTES + HEADER_MAX_BYTES;
const ANNOUNCED_MAX_BYTES = 2 ** 31;
const MESSAGE = /^MSG (\S+) (\d{1,9}) (?:(\S+) )?(\d{1,10})$/i;
const MESSAGE_WITH_HEADER = /^HMSG (\S+) (\d{1,9}) (?:(\S+) )?(\d{1,10}) (\d{1,10})$/i;
const STATUS = /^NATS\/1\.0 +(\d{3})/;

interface OpenMessage {
  readonly subject: string;
  readonly subscription: number;
  readonly reply: string | undefined;
  readonly headerBytes: number;
  readonly bytes: number;
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
    const end = bytes.indexOf(LF, at);
    if (end < 0 || end - at > LINE_MAX_BYTES) {
      if (bytes.length - at > LINE_MAX_BYTES) throw new NatsFault("has a line without an end");
      return -1;
    }
    if (bytes[end - 1] !== CR) throw new NatsFault("is not NATS's protocol");
    const line = bytes.toString("utf8", at, end - 1);
    const word = line.slice(0, 4).toUpperCase();
    if (word === "MSG ") return this.begin(bytes, end + 1, MESSAGE.exec(line), false);
    if (word === "HMSG") return this.begin(bytes, end + 1, MESSAGE_WITH_HEADER.exec(line), true);
    if (word === "INFO") this.received({ kind: "info", json: line.slice(5) });
    else if (word === "-ERR") this.received({ kind: "error", text: line.slice(5) });
    else if (word === "PING") this.received({ kind: "ping" });
    else if (word === "PONG") this.received({ kind: "pong" });
    else if (word !== "+OK") throw new NatsFault("is not NATS's protocol");
    return end + 1;
  }

  private begin(bytes: Buffer, start: number, match: RegExpExecArray | null, hasHeader: boolean): number {
    if (match === null) throw new NatsFault("is not NATS's protocol");
    const [, subject = "", subscription, reply, one, two] = match;
    const headerBytes = hasHeader ? Number(one) : 0;
    const size = Number(hasHeader ? two : one);
    if (size > ANNOUNCED_MAX_BYTES || headerBytes > size) {
      throw new NatsFault(`announces a message of ${size} bytes`);
    }
    const keptBytes = size <= WHOLE_MAX_BYTES
      ? size
      : Math.min(headerBytes + BEGINNING_BYTES, WHOLE_MAX_BYTES);
    const open = { subject, subscription: Number(subscription), reply, headerBytes, bytes: size };
    if (keptBytes === size && bytes.length - start >= size + 2) {
      this.end({ ...open, kept: bytes.subarray(start, start + size), at: size }, bytes, start + size);
      return start + size + 2;
    }
    this.open = { ...open, kept: Buffer.alloc(keptBytes), at: 0 };
    return start;
  }

  /** Goes on with a message. Returns where it was read to, or -1: more bytes are needed. */
  private fill(bytes: Buffer, from: number): number {
    const open = this.open!;
    const taken = Math.min(bytes.length - from, open.bytes - open.at);
    if (open.at < open.kept.length) bytes.copy(open.kept, open.at, from, from + taken);
    open.at += taken;
    const end = from + taken;
    if (open.at < open.bytes || bytes.length - end < 2) return taken === 0 ? -1 : end;
    this.open = undefined;
    this.end(open, bytes, end);
    return end + 2;
  }

  private end({ bytes, headerBytes, kept, ...rest }: OpenMessage, all: Buffer, end: number): void {
    if (all[end] !== CR || all[end + 1] !== LF) throw new NatsFault("has a message of another length");
    const header = headerBytes === 0
      ? ""
      : kept.toString("utf8", 0, Math.min(headerBytes, kept.length, HEADER_MAX_BYTES));
    const status = STATUS.exec(header)?.[1];
    this.received({
      kind: "message",
      message: {
        subject: rest.subject,
        subscription: rest.subscription,
        reply: rest.reply,
        status: status === undefined ? undefined : Number(status),
        header,
        payload: kept.subarray(Math.min(headerBytes, kept.length)),
        payloadBytes: bytes - headerBytes,
      },
    });
  }
}
