import { hashBytes } from "../../event/text_hash.ts";
import {
  BACKSLASH,
  BRACE_CLOSE,
  BRACE_OPEN,
  BRACKET_CLOSE,
  BRACKET_OPEN,
  COLON,
  COMMA,
  MINUS,
  NINE,
  QUOTE,
  SPACE,
  ZERO,
} from "../ascii.ts";
import { Words } from "../words.ts";
import { isSpace } from "../json_bytes.ts";
import { isAt } from "./byte_cache.ts";
import { jsonNumber, jsonNumberEnd } from "./json_number.ts";
import { RecordShape, type RecordValue } from "./record_shape.ts";
import { NOTHING, NUMBER, OTHER, RecordSlots, TEXT, UNUSED } from "./record_slots.ts";
import type { Pointer } from "./template.ts";

/** Deeper records are for the slow path, which has no stack to be used up. */
const DEPTH_MAX = 64;
/** Shapes are tried one by one. */
const SHAPES_MAX = 4;
const SHAPE_BYTES_MAX = 4096;
/** Of so many records without a known shape, one is remembered. */
const RECORDS_A_SHAPE = 16;

/** A key that pointers lead through. */
interface Node {
  readonly key: Uint8Array;
  readonly number: number;
  readonly children: Node[];
  /** {@link UNUSED}: no pointer ends here. */
  slot: number;
}

/**
 * Notes where in a record of JSON the content of each pointer lies. It walks over the record once, unless its
 * shape is known. It knows plain records only: ASCII, no escapes, no key that matters twice. Of those it
 * makes sure that they are JSON.
 */
export class PlainRecord {
  readonly slots = new RecordSlots();
  private readonly root: Node = { key: new Uint8Array(), number: 0, children: [], slot: UNUSED };
  private nodes = 1;
  /** The record in which each node was met last. */
  private met = new Int32Array(1);
  private records = 0;
  /** Of the record. */
  words = new Words(this.root.key);
  private bytes = this.words.bytes;
  private readonly shapes: RecordShape[] = [];
  private lastShape = 0;
  private walked = 0;
  /** All values of the record, where its shape is to be remembered. */
  private values: RecordValue[] | undefined;

  /** The slot that a pointer fills, from the next record on. */
  slot({ tokens }: Pointer): number {
    const encoder = new TextEncoder();
    let node = this.root;
    for (const token of tokens) {
      const key = encoder.encode(token);
      let child = node.children.find((one) => isAt(one.key, key, 0, key.length));
      if (child === undefined) {
        child = { key, number: this.nodes++, children: [], slot: UNUSED };
        node.children.push(child);
      }
      node = child;
    }
    if (node.slot === UNUSED) {
      node.slot = this.slots.add();
      this.met = new Int32Array(this.nodes);
    }
    return node.slot;
  }

  /**
   * Fills the slots from the record at `start`, an object. Returns where it ends, or -1: it is none of the
   * plain ones.
   */
  scan(bytes: Uint8Array, start: number): number {
    const { slots, shapes } = this;
    if (this.bytes !== bytes) {
      this.bytes = bytes;
      this.words = new Words(bytes);
      slots.bytes = bytes;
    }
    const { length: count } = shapes;
    for (let i = 0; i < count; i++) {
      const index = (this.lastShape + i) % count;
      const end = shapes[index]!.scan(slots, this.words, start);
      if (end >= 0) {
        this.lastShape = index;
        return end;
      }
    }
    return this.walk(start);
  }

  private walk(start: number): number {
    const { slots } = this;
    this.values = this.walked++ % RECORDS_A_SHAPE === 0 ? [] : undefined;
    this.records = (this.records + 1) | 0;
    slots.kind.fill(NOTHING);
    slots.filledBy = undefined;
    const end = this.bytes[start] === BRACE_OPEN ? this.object(start, this.root, 0) : -1;
    if (this.values !== undefined && end >= 0 && end - start <= SHAPE_BYTES_MAX) {
      const { shapes } = this;
      const index = shapes.length < SHAPES_MAX ? shapes.length : (this.lastShape + 1) % SHAPES_MAX;
      shapes[index] = new RecordShape(
        this.words,
        start,
        end,
        this.values,
        slots.kind.slice(),
        slots.isHashed,
      );
      this.lastShape = index;
    }
    return end;
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

  /** Returns where the value at `at` ends; -1: it is not plain. */
  private value(at: number, node: Node | undefined, depth: number): number {
    const { bytes } = this;
    const slot = node === undefined ? UNUSED : node.slot;
    const first = bytes[at]!;
    if (first === QUOTE) {
      const end = this.textEnd(at + 1);
      return end < 0 ? -1 : this.fill(slot, TEXT, at + 1, end) + 1;
    }
    if (first === BRACE_OPEN || first === BRACKET_OPEN) {
      // Pointers into an array are for the slow path.
      if (first === BRACKET_OPEN && node !== undefined && node.children.length > 0) return -1;
      this.slots.kind[slot] = OTHER;
      return first === BRACE_OPEN ? this.object(at, node, depth) : this.array(at, depth);
    }
    if (first === MINUS || (first >= ZERO && first <= NINE)) {
      const end = jsonNumberEnd(bytes, at);
      return end < 0 ? -1 : this.fill(slot, NUMBER, at, end);
    }
    const end = this.slots.fillWord(slot, at);
    if (end >= 0) this.values?.push({ kind: this.slots.kind[slot]!, slot, start: at, end });
    return end;
  }

  /** Returns the end. */
  private fill(slot: number, kind: number, start: number, end: number): number {
    const { slots, bytes } = this;
    slots.kind[slot] = kind;
    slots.start[slot] = start;
    slots.end[slot] = end;
    if (slot !== UNUSED) {
      if (kind === TEXT && slots.isHashed[slot] === 1) {
        slots.hash[slot] = hashBytes(bytes, start, end - start);
      } else if (kind === NUMBER) slots.number[slot] = jsonNumber(bytes, start, end);
    }
    this.values?.push({ kind, slot, start, end });
    return end;
  }

  private childOf({ children }: Node, start: number, end: number): Node | undefined {
    for (let i = 0; i < children.length; i++) {
      const child = children[i]!;
      if (isAt(child.key, this.bytes, start, end - start)) return child;
    }
    return undefined;
  }

  /** Index of the closing quote; -1: something before it is not plain. */
  private textEnd(at: number): number {
    const { bytes } = this;
    for (;; at++) {
      const byte = bytes[at]!;
      if (byte === QUOTE) return at;
      if (!(byte >= SPACE && byte < 0x80) || byte === BACKSLASH) return -1;
    }
  }

  private afterSpace(at: number): number {
    while (isSpace(this.bytes[at])) at++;
    return at;
  }
}
