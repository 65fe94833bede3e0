import { BYTE_F, BYTE_T, MINUS, NINE, ZERO } from "../ascii.ts";
import { jsonNumber, jsonNumberEnd } from "./json_number.ts";
import { asciiBetween } from "./number_bytes.ts";

/** What a slot has been filled with. */
export const NOTHING = 0;
export const TEXT = 1;
export const NUMBER = 2;
export const TRUE = 3;
export const FALSE = 4;
export const NULL = 5;
/** An object or an array. */
export const OTHER = 6;

const WORDS: Readonly<Record<number, Uint8Array>> = {
  [TRUE]: new TextEncoder().encode("true"),
  [FALSE]: new TextEncoder().encode("false"),
  [NULL]: new TextEncoder().encode("null"),
};

/** The slot of all that no pointer leads to. */
export const UNUSED = 0;

/** Whole numbers of so many digits are the same in a double. */
const EXACT_DIGITS = 15;

/** What a record of JSON has at each place that a mapping points to. */
export class RecordSlots {
  bytes: Uint8Array = new Uint8Array();
  /** What has chosen the kinds of all slots; it need not do it again. */
  filledBy: unknown;
  /** Of each slot. */
  kind = new Uint8Array();
  /** Where its content is: of a text without its quotes. */
  start = new Int32Array();
  end = new Int32Array();
  /** Of a number; NaN: it is not finite. */
  number = new Float64Array();
  /** Of a text that is hashed, as `hashBytes` makes it. */
  hash = new Int32Array();
  /** Whether texts are hashed; of each slot. */
  isHashed = new Uint8Array();

  /** There is {@link UNUSED} at first. */
  constructor() {
    this.add();
  }

  /** Adds one, before the first record. Returns its index. */
  add(): number {
    const slot = this.kind.length;
    const count = slot + 1;
    this.kind = new Uint8Array(count);
    this.start = new Int32Array(count);
    this.end = new Int32Array(count);
    this.number = new Float64Array(count);
    this.hash = new Int32Array(count);
    this.isHashed = new Uint8Array(count);
    return slot;
  }

  /** Fills a slot with `true`, `false` or `null`. Returns where the word ends; -1: there is none of them. */
  fillWord(slot: number, start: number): number {
    const { bytes } = this;
    const first = bytes[start];
    const kind = first === BYTE_T ? TRUE : first === BYTE_F ? FALSE : NULL;
    const word = WORDS[kind]!;
    for (let i = 0; i < word.length; i++) if (bytes[start + i] !== word[i]) return -1;
    this.kind[slot] = kind;
    this.start[slot] = start;
    this.end[slot] = start + word.length;
    return start + word.length;
  }

  /** Bytes of the content of a slot. */
  length(slot: number): number {
    return this.end[slot]! - this.start[slot]!;
  }

  /** The content of a slot. */
  text(slot: number): string {
    return asciiBetween(this.bytes, this.start[slot]!, this.end[slot]!);
  }

  /** The number that the text in a slot is, if JSON would have it so; else NaN. */
  numberInText(slot: number): number {
    const start = this.start[slot]!;
    const end = this.end[slot]!;
    return jsonNumberEnd(this.bytes, start) === end ? jsonNumber(this.bytes, start, end) : NaN;
  }

  /** Whether nothing or `null` is there. */
  isAbsent(slot: number): boolean {
    const kind = this.kind[slot];
    return kind === NOTHING || kind === NULL;
  }

  /**
   * Whether the number in a slot is written as it would be as text: a whole one that a double counts exactly.
   */
  isPlainInteger(slot: number): boolean {
    let at = this.start[slot]!;
    const end = this.end[slot]!;
    if (this.bytes[at] === MINUS) at++;
    if (end - at > EXACT_DIGITS || (this.bytes[at] === ZERO && end - this.start[slot]! > 1)) return false;
    for (; at < end; at++) if (!(this.bytes[at]! >= ZERO && this.bytes[at]! <= NINE)) return false;
    return true;
  }
}
