import type { Pointer } from "./template.ts";

/** What a slot has been filled with. */
export const NOTHING = 0;
export const TEXT = 1;
export const NUMBER = 2;
export const TRUE = 3;
export const FALSE = 4;
export const NULL = 5;
/** An object or an array. */
export const OTHER = 6;

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;

/** Deeper records are for the slow path, which has no stack to be used up. */
const DEPTH_MAX = 64;
const EXACT_DIGITS = 15;
const EXACT_POWERS_OF_TEN = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));

/** A key that pointers lead through. */
interface Node {
  readonly key: Uint8Array;
  readonly number: number;
  readonly children: Node[];
  /** -1: no pointer ends here. */
  slot: number;
}

/**
 * Walks over a record of JSON once, and notes where the content of each pointer lies. It knows plain records
 * only: ASCII, no escapes, no key that matters twice. Of those it makes sure that they are JSON.
 */
export class PlainRecord {
  /** Of each slot. */
  kind = new Uint8Array(0);
  /** Where its content is: of a text without its quotes. */
  start = new Int32Array(0);
  private end = new Int32Array(0);
  private readonly root: Node = { key: new Uint8Array(0), number: 0, children: [], slot: -1 };
  private nodes = 1;
  /** The record in which each node was met last. */
  private met = new Int32Array(1);
  private records = 0;
  private bytes: Uint8Array = this.root.key;

  /** The slot that a pointer fills, from the next record on. */
  slot({ tokens }: Pointer): number {
    const encoder = new TextEncoder();
    let node = this.root;
    for (const token of tokens) {
      const key = encoder.encode(token);
      let child = node.children.find((one) => areEqual(one.key, key, 0, key.length));
      if (child === undefined) {
        child = { key, number: this.nodes++, children: [], slot: -1 };
        node.children.push(child);
      }
      node = child;
    }
    if (node.slot < 0) {
      node.slot = this.kind.length;
      this.kind = new Uint8Array(node.slot + 1);
      this.start = new Int32Array(node.slot + 1);
      this.end = new Int32Array(node.slot + 1);
      this.met = new Int32Array(this.nodes);
    }
    return node.slot;
  }

  /**
   * Walks over the record at `start`, an object. Returns where it ends, or -1: it is none of the plain ones.
   */
  scan(bytes: Uint8Array, start: number): number {
    this.bytes = bytes;
    this.kind.fill(NOTHING);
    this.records = (this.records + 1) | 0;
    return bytes[start] === BRACE_OPEN ? this.object(start, this.root, 0) : -1;
  }

  /** Bytes of the content of a slot. */
  length(slot: number): number {
    return this.end[slot]! - this.start[slot]!;
  }

  /** The content of a slot. */
  text(slot: number): string {
    let text = "";
    for (let at = this.start[slot]!; at < this.end[slot]!; at++) text += String.fromCharCode(this.bytes[at]!);
    return text;
  }

  /** The number in a slot; NaN where it is not finite. */
  number(slot: number): number {
    return this.numberBetween(this.start[slot]!, this.end[slot]!);
  }

  /** The number that the text in a slot is, if JSON would have it so; else NaN. */
  numberInText(slot: number): number {
    const start = this.start[slot]!;
    const first = this.bytes[start]!;
    const isNumber = (first === MINUS || (first >= ZERO && first <= NINE)) &&
      this.numberEnd(start) === this.end[slot];
    return isNumber ? this.number(slot) : NaN;
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

  private object(start: number, node: Node | undefined, depth: number): number {
    if (depth === DEPTH_MAX) return -1;
    const { bytes } = this;
    let at = this.afterSpace(start + 1);
    if (bytes[at] === BRACE_CLOSE) return at + 1;
    for (;;) {
      if (bytes[at] !== QUOTE) return -1;
      const keyStart = at + 1;
      at = this.textEnd(keyStart);
      if (at < 0) return -1;
      const child = node === undefined ? undefined : this.childOf(node, keyStart, at);
      if (child !== undefined) {
        // The last of two would count.
        if (this.met[child.number] === this.records) return -1;
        this.met[child.number] = this.records;
      }
      at = this.afterSpace(at + 1);
      if (bytes[at] !== COLON) return -1;
      at = this.value(this.afterSpace(at + 1), child, depth + 1);
      if (at < 0) return -1;
      at = this.afterSpace(at);
      const separator = bytes[at];
      if (separator === BRACE_CLOSE) return at + 1;
      if (separator !== COMMA) return -1;
      at = this.afterSpace(at + 1);
    }
  }

  private array(start: number, depth: number): number {
    if (depth === DEPTH_MAX) return -1;
    const { bytes } = this;
    let at = this.afterSpace(start + 1);
    if (bytes[at] === BRACKET_CLOSE) return at + 1;
    for (;;) {
      at = this.value(at, undefined, depth + 1);
      if (at < 0) return -1;
      at = this.afterSpace(at);
      if (bytes[at] === BRACKET_CLOSE) return at + 1;
      if (bytes[at] !== COMMA) return -1;
      at = this.afterSpace(at + 1);
    }
  }

  private value(at: number, node: Node | undefined, depth: number): number {
    const { bytes } = this;
    const slot = node === undefined ? -1 : node.slot;
    const first = bytes[at]!;
    if (first === QUOTE) {
      const end = this.textEnd(at + 1);
      if (slot >= 0 && end >= 0) this.fill(slot, TEXT, at + 1, end);
      return end < 0 ? -1 : end + 1;
    }
    if (first === BRACE_OPEN || first === BRACKET_OPEN) {
      // Pointers into an array are for the slow path.
      if (first === BRACKET_OPEN && node !== undefined && node.children.length > 0) return -1;
      const end = first === BRACE_OPEN ? this.object(at, node, depth) : this.array(at, depth);
      if (slot >= 0 && end >= 0) this.fill(slot, OTHER, at, end);
      return end;
    }
    if (first === MINUS || (first >= ZERO && first <= NINE)) {
      const end = this.numberEnd(at);
      if (slot >= 0 && end >= 0) this.fill(slot, NUMBER, at, end);
      return end;
    }
    for (const [kind, word] of WORDS) {
      if (word[0] !== first || !areEqual(word, bytes, at, word.length)) continue;
      if (slot >= 0) this.fill(slot, kind, at, at + word.length);
      return at + word.length;
    }
    return -1;
  }

  private fill(slot: number, kind: number, start: number, end: number): void {
    this.kind[slot] = kind;
    this.start[slot] = start;
    this.end[slot] = end;
  }

  private childOf({ children }: Node, start: number, end: number): Node | undefined {
    for (let i = 0; i < children.length; i++) {
      const child = children[i]!;
      if (areEqual(child.key, this.bytes, start, end - start)) return child;
    }
    return undefined;
  }

  /** Index of the closing quote; -1: something before it is not plain. */
  private textEnd(at: number): number {
    const { bytes } = this;
    for (;; at++) {
      const byte = bytes[at]!;
      if (byte === QUOTE) return at;
      if (!(byte >= 0x20 && byte < 0x80) || byte === BACKSLASH) return -1;
    }
  }

  /** Where the number of JSON at `at` ends; -1: it is none. */
  private numberEnd(at: number): number {
    const { bytes } = this;
    if (bytes[at] === MINUS) at++;
    if (bytes[at] === ZERO) at++;
    else {
      const start = at;
      at = this.digitsEnd(at);
      if (at === start) return -1;
    }
    if (bytes[at] === POINT) {
      const start = at + 1;
      at = this.digitsEnd(start);
      if (at === start) return -1;
    }
    if (bytes[at] === 0x65 || bytes[at] === 0x45) {
      at++;
      if (bytes[at] === 0x2b || bytes[at] === MINUS) at++;
      const start = at;
      at = this.digitsEnd(at);
      if (at === start) return -1;
    }
    return at;
  }

  private digitsEnd(at: number): number {
    while (this.bytes[at]! >= ZERO && this.bytes[at]! <= NINE) at++;
    return at;
  }

  /** An exact mantissa divided by an exact power of ten is rounded once, hence correctly (Clinger 1990). */
  private numberBetween(start: number, end: number): number {
    const { bytes } = this;
    let at = bytes[start] === MINUS ? start + 1 : start;
    let mantissa = 0;
    let decimals = 0;
    if (end - at <= EXACT_DIGITS + 1) {
      let isAfterPoint = false;
      for (; at < end; at++) {
        const byte = bytes[at]!;
        if (byte === POINT) isAfterPoint = true;
        else if (byte >= ZERO && byte <= NINE) {
          mantissa = mantissa * 10 + (byte - ZERO);
          if (isAfterPoint) decimals++;
        } else break;
      }
      if (at === end && mantissa <= Number.MAX_SAFE_INTEGER) {
        const number = mantissa / EXACT_POWERS_OF_TEN[decimals]!;
        return bytes[start] === MINUS ? -number : number;
      }
    }
    let text = "";
    for (at = start; at < end; at++) text += String.fromCharCode(bytes[at]!);
    const number = Number(text);
    return Number.isFinite(number) ? number : NaN;
  }

  private afterSpace(at: number): number {
    const { bytes } = this;
    while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at++;
    return at;
  }
}

const WORDS = ([[TRUE, "true"], [FALSE, "false"], [NULL, "null"]] as const)
  .map(([kind, word]) => [kind, new TextEncoder().encode(word)] as const);

function areEqual(a: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean {
  if (a.length !== length) return false;
  for (let i = 0; i < length; i++) if (a[i] !== bytes[start + i]) return false;
  return true;
}
