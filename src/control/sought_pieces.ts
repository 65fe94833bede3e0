import type { KeyColumn } from "../state/checkpoint/key_column.ts";
import { BEYOND_ASCII, PLAIN } from "./plain_bytes.ts";
import { withoutSigns } from "./series_text.ts";

/** Length of the pieces of texts that are compared. */
const PIECE = 3;
/** Digits, then a to z. A piece of them is a number of as many digits to this base. */
const BASE = 36;
const PIECES = BASE ** PIECE;

/** Compares keys with a text that is looked for, without signs, in pieces of three characters. */
export class SoughtPieces {
  private readonly pieces: ReadonlySet<string>;
  /** The number of a piece among those that are looked for, by the piece as a number; 0: it is not. */
  private readonly numbers: Uint16Array;
  /** In which key a piece was last seen, by its number. */
  private readonly seenIn: Uint32Array;
  private keyNumber = 0;

  /** @param text With fewer than three plain characters it has no pieces. */
  constructor(text: string) {
    this.pieces = new Set(piecesOf(text));
    this.numbers = new Uint16Array(this.pieces.size === 0 ? 0 : PIECES);
    this.seenIn = new Uint32Array(this.pieces.size + 1);
    let number = 0;
    for (const piece of this.pieces) {
      number++;
      if (/^[a-z0-9]*$/.test(piece)) this.numbers[parseInt(piece, BASE)] = number;
    }
  }

  get isEmpty(): boolean {
    return this.pieces.size === 0;
  }

  /** The share of the pieces that is in a key, its labels included. */
  shareIn(keys: KeyColumn, row: number): number {
    const { numbers, seenIn } = this;
    const key = ++this.keyNumber;
    let [piece, length, shared] = [0, 0, 0];
    for (let i = keys.start(row), end = keys.end(row); i < end; i++) {
      const byte = PLAIN[keys.bytes[i]!]!;
      if (byte === 0) continue;
      if (byte === BEYOND_ASCII) return this.shareInText(keys.text(row));
      // Digits come before a to z in both.
      piece = (piece * BASE + (byte < 0x3a ? byte - 0x30 : byte - 0x61 + 10)) % PIECES;
      if (++length < PIECE) continue;
      const number = numbers[piece]!;
      if (number === 0 || seenIn[number] === key) continue;
      seenIn[number] = key;
      shared++;
    }
    return shared / this.pieces.size;
  }

  /** As {@link shareIn}, for any alphabet. */
  shareInText(text: string): number {
    const own = new Set(piecesOf(text));
    let shared = 0;
    for (const piece of this.pieces) if (own.has(piece)) shared++;
    return shared / this.pieces.size;
  }
}

function piecesOf(text: string): string[] {
  const plain = withoutSigns(text);
  return Array.from({ length: Math.max(0, plain.length - PIECE + 1) }, (_, i) => plain.slice(i, i + PIECE));
}
