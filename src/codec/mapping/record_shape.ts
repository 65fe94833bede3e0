import { endsPlainText, HASH_SEED, hashWord, plainBytesIn } from "../../event/text_hash.ts";
import { BACKSLASH, MINUS, NINE, POINT, QUOTE, SPACE, ZERO } from "../ascii.ts";
import { WORD_BYTES, type Words } from "../words.ts";
import { asciiBetween, EXACT_POWERS_OF_TEN, fourDigits } from "./number_bytes.ts";
import { NOTHING, NUMBER, OTHER, type RecordSlots, TEXT } from "./record_slots.ts";

/** A text, a number, a boolean or `null` of a record. */
export interface RecordValue {
  readonly kind: number;
  readonly slot: number;
  /** Its range in the record's bytes: of a text without its quotes. */
  readonly start: number;
  readonly end: number;
}

/** Stands in a program for the end of the record. */
const END = NOTHING;
/** Stands in a program for a text that is hashed. */
const HASHED_TEXT = OTHER + 1;

/**
 * What records of one producer have in common: everything except their texts, numbers and booleans. A record
 * is compared with it, four bytes at a time. Where it is the same, the record is JSON as its first one was,
 * and its values are found without parsing anything else.
 */
export class RecordShape {
  /**
   * For each value: the number of bytes before it that are the same in all records, these bytes as words,
   * the kind of the value, and its slot. The last one is {@link END}.
   */
  private readonly program: Int32Array;

  /**
   * @param words The bytes of a reply with the first record of the shape.
   * @param values All values of that record, in their order.
   * @param slotKinds What each slot is filled with.
   * @param isHashed Of which slots texts are hashed.
   */
  constructor(
    words: Words,
    start: number,
    end: number,
    values: readonly RecordValue[],
    private readonly slotKinds: Uint8Array,
    isHashed: Uint8Array,
  ) {
    const program: number[] = [];
    let at = start;
    for (const value of [...values, { kind: END, slot: 0, start: end, end }]) {
      const length = value.start - at;
      const kind = value.kind === TEXT && isHashed[value.slot] === 1 ? HASHED_TEXT : value.kind;
      program.push(length, ...sameWords(words, at, length), kind, value.slot);
      at = value.end;
    }
    this.program = Int32Array.from(program);
  }

  /** Fills the slots from the record at `start`. Returns where it ends; -1: it has another shape. */
  scan(slots: RecordSlots, words: Words, start: number): number {
    const { program } = this;
    const { view } = words;
    const { length: size } = words.bytes;
    if (slots.filledBy !== this) this.fillKinds(slots);
    let step = 0;
    let at = start;
    for (;;) {
      const length = program[step++]!;
      if (at + length > size) return -1;
      const lastWordAt = at + length - WORD_BYTES;
      for (; at <= lastWordAt; at += WORD_BYTES) {
        if (view.getInt32(at, true) !== program[step++]) return -1;
      }
      for (const end = lastWordAt + WORD_BYTES; at < end; at++) {
        if (words.bytes[at] !== program[step++]) return -1;
      }
      const kind = program[step++]!;
      if (kind === END) return at;
      const slot = program[step++]!;
      slots.start[slot] = at;
      at = kind === TEXT
        ? textEnd(words, at)
        : kind === HASHED_TEXT
        ? hashedTextEnd(slots, words, at, slot)
        : kind === NUMBER
        ? numberEnd(slots, words, at, slot)
        : slots.fillWord(slot, at);
      if (at < 0) return -1;
      slots.end[slot] = at;
    }
  }

  private fillKinds(slots: RecordSlots): void {
    slots.kind.set(this.slotKinds);
    slots.filledBy = this;
  }
}

/** The words of a text, and each byte of the rest. */
function sameWords({ bytes, view }: Words, start: number, length: number): number[] {
  const words: number[] = [];
  let at = start;
  for (; at + WORD_BYTES <= start + length; at += WORD_BYTES) words.push(view.getInt32(at, true));
  return [...words, ...bytes.subarray(at, start + length)];
}

/** What ends a text, if it is no quote, differs from the shape. */
function textEnd({ bytes, view }: Words, start: number): number {
  const lastWordAt = bytes.length - WORD_BYTES;
  let at = start;
  while (at <= lastWordAt) {
    const plain = plainBytesIn(view.getInt32(at, true));
    at += plain;
    if (plain < WORD_BYTES) return at;
  }
  for (;; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE || byte === BACKSLASH || !(byte >= SPACE && byte < 0x80)) return at;
  }
}

/** As {@link textEnd}, with the hash of the text. */
function hashedTextEnd(slots: RecordSlots, { bytes, view }: Words, start: number, slot: number): number {
  const lastWordAt = bytes.length - WORD_BYTES;
  let at = start;
  let hash = HASH_SEED;
  for (; at <= lastWordAt; at += WORD_BYTES) {
    const word = view.getInt32(at, true);
    if (endsPlainText(word)) break;
    hash = hashWord(hash, word);
  }
  let rest = 0;
  for (let shift = 0;; shift += 8, at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE || byte === BACKSLASH || !(byte >= SPACE && byte < 0x80)) break;
    rest |= byte << shift;
  }
  slots.hash[slot] = hashWord(hash, rest);
  return at;
}

/** A number without an exponent: what follows one differs from the shape. */
function numberEnd(slots: RecordSlots, { bytes, view }: Words, start: number, slot: number): number {
  let at = bytes[start] === MINUS ? start + 1 : start;
  let byte = bytes[at]!;
  const hasLeadingZero = byte === ZERO;
  const digitsStart = at;
  let mantissa = 0;
  for (const lastWordAt = bytes.length - WORD_BYTES; at <= lastWordAt; at += WORD_BYTES) {
    const digits = fourDigits(view.getInt32(at, true));
    if (digits < 0) break;
    mantissa = mantissa * 10_000 + digits;
  }
  byte = bytes[at]!;
  for (; byte >= ZERO && byte <= NINE; byte = bytes[++at]!) mantissa = mantissa * 10 + (byte - ZERO);
  if (at === digitsStart || (hasLeadingZero && at - digitsStart > 1)) return -1;
  let decimals = 0;
  if (byte === POINT) {
    const pointAt = at;
    byte = bytes[++at]!;
    for (; byte >= ZERO && byte <= NINE; byte = bytes[++at]!) mantissa = mantissa * 10 + (byte - ZERO);
    decimals = at - pointAt - 1;
    if (decimals === 0) return -1;
  }
  if (mantissa <= Number.MAX_SAFE_INTEGER && decimals < EXACT_POWERS_OF_TEN.length) {
    const number = mantissa / EXACT_POWERS_OF_TEN[decimals]!;
    slots.number[slot] = bytes[start] === MINUS ? -number : number;
  } else {
    slots.number[slot] = finite(Number(asciiBetween(bytes, start, at)));
  }
  return at;
}

function finite(number: number): number {
  return Number.isFinite(number) ? number : NaN;
}
