import { Buffer } from "node:buffer";
import { aPacket, PUBLISH } from "./packet_types.ts";
import { WireFault } from "./wire_fault.ts";

/** A packet without its head. */
export interface Packet {
  readonly type: number;
  /** The lower four bits of its first byte. */
  readonly flags: number;
  /** Valid as long as somebody has it. */
  readonly body: Buffer;
  /** Bytes of the body that were passed over, behind those that are there. */
  readonly cutBytes: number;
}

/** Bytes of a PUBLISH that is kept whole: a record of the greatest length, its topic and properties. */
const PUBLISH_WHOLE_BYTES = 1024 * 1024 + 192 * 1024;
/** Bytes that are kept of a longer one: topic, properties, and the beginning of the record. */
const PUBLISH_BEGINNING_BYTES = 192 * 1024;
/** Bytes of any other packet. */
const OTHER_MAX_BYTES = 256 * 1024;
/** Bytes of the head at most: the first byte, and the remaining length. */
const HEAD_MAX_BYTES = 5;

/**
 * Cuts what a broker sends into packets. It never holds more of a packet than what is kept of it, whatever
 * length the broker announces, and reserves memory only for what has come.
 */
export class PacketCutter {
  /** The beginning of a packet that is not complete. */
  private pieces: Buffer[] = [];
  private size = 0;
  /** Bytes that have to be there before anything can be done. */
  private needed = 2;
  /** Bytes that are passed over before the next packet begins. */
  private skipping = 0;

  constructor(private readonly received: (packet: Packet) => void) {}

  /** @throws {WireFault} */
  take(chunk: Buffer): void {
    let piece = chunk;
    if (this.skipping > 0) {
      const skipped = Math.min(this.skipping, piece.length);
      this.skipping -= skipped;
      piece = piece.subarray(skipped);
    }
    if (piece.length === 0) return;
    this.pieces.push(piece);
    this.size += piece.length;
    if (this.size < this.needed) return;
    const bytes = this.pieces.length === 1 ? piece : Buffer.concat(this.pieces, this.size);
    const at = this.cut(bytes);
    const rest = bytes.subarray(at);
    // A copy, so that the memory of the larger piece can be freed.
    this.pieces = rest.length === 0 ? [] : [at === 0 ? rest : Buffer.from(rest)];
    this.size = rest.length;
  }

  /** Returns where the first packet begins that is not complete. */
  private cut(bytes: Buffer): number {
    for (let at = 0;;) {
      const head = headAt(bytes, at);
      if (head === undefined) {
        this.needed = Math.min(HEAD_MAX_BYTES, bytes.length - at + 1);
        return at;
      }
      const { start, length, kept, type } = head;
      if (bytes.length - start < kept) {
        this.needed = start - at + kept;
        return at;
      }
      const flags = bytes[at]! & 0x0f;
      const cutBytes = length - kept;
      this.received({ type, flags, body: bytes.subarray(start, start + kept), cutBytes });
      at = start + kept;
      const there = Math.min(cutBytes, bytes.length - at);
      this.skipping = cutBytes - there;
      at += there;
    }
  }
}

interface Head {
  readonly type: number;
  /** Where the body begins. */
  readonly start: number;
  /** Bytes of the body, and those of them that are kept. */
  readonly length: number;
  readonly kept: number;
}

/** Undefined: it is not complete. @throws {WireFault} */
function headAt(bytes: Buffer, at: number): Head | undefined {
  let length = 0;
  for (let i = 1;; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * 128 ** (i - 1);
    if (byte < 0x80) {
      const type = bytes[at]! >>> 4;
      return { type, start: at + i + 1, length, kept: keptOf(type, length) };
    }
    if (i === HEAD_MAX_BYTES - 1) throw new WireFault("sends a packet whose length does not end");
  }
}

/** @throws {WireFault} */
function keptOf(type: number, length: number): number {
  if (type === PUBLISH) return length > PUBLISH_WHOLE_BYTES ? PUBLISH_BEGINNING_BYTES : length;
  if (length <= OTHER_MAX_BYTES) return length;
  throw new WireFault(
    `announces ${aPacket(type)} of ${length} bytes, where at most ${OTHER_MAX_BYTES} can be right`,
  );
}
