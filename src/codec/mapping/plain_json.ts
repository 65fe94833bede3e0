import { Buffer } from "node:buffer";
import { functionId, UNNAMED } from "../../event/agg_function.ts";
import { NAME_MAX_CHARACTERS } from "../../event/event.ts";
import type { EventBatch } from "../../event/event_batch.ts";
import { LABELS_MAX, SERIES_MAX_BYTES } from "../../event/labels.ts";
import { hashBytes } from "../../event/text_hash.ts";
import { DELETE } from "../ascii.ts";
import { ID_MAX_BYTES } from "../append_event.ts";
import { copyWords, hashWords, WORD_BYTES, Words } from "../words.ts";
import type { EventMapping } from "./event_mapping.ts";
import { PlainRecord } from "./plain_record.ts";
import { FALSE, NUMBER, OTHER, type RecordSlots, TEXT, TRUE } from "./record_slots.ts";
import type { RecordContext } from "./reading.ts";
import type { Pointer, Template } from "./template.ts";
import { perSecond, timeIn } from "./time.ts";

/** A text that is the same in each series, with room for the rest of its last word. */
interface Literal {
  readonly words: Words;
  readonly length: number;
}

/** A piece of a text: a literal, or the slot of a record whose content is inserted. */
type Piece = Literal | number;

interface PlainLabel {
  /** What stands before its value in the key of a series, as the first label, and after another one. */
  readonly first: Literal;
  readonly next: Literal;
  readonly keyBytes: number;
  readonly pieces: readonly Piece[];
  /** Left out where its only slot has nothing. */
  readonly isOptional: boolean;
}

const ENCODER = new TextEncoder();

/**
 * The fast path over records of JSON that are mapped: one walk over the bytes, which makes no object and no
 * string. It takes records of plain ASCII without escapes, each key once, and gives all others, and whatever
 * does not fit, to the slow path: where it takes one, it makes the same event of it.
 */
export class PlainJson {
  private readonly record = new PlainRecord();
  private readonly slots: RecordSlots = this.record.slots;
  private extra = new Words(new Uint8Array(0));
  private readonly name: readonly Piece[];
  private readonly value: number;
  /** Undefined: the time of the bus. */
  private readonly timestamp: number | undefined;
  private readonly function: number;
  private readonly id: number;
  /** Of an object of all labels; undefined: there are rules. */
  private readonly allLabels: number | undefined;
  private readonly labels: readonly PlainLabel[];
  /** Of name and labels: the slots, as often as they are inserted, and the bytes of all literals. */
  private readonly usedSlots: Int32Array;
  private readonly literalBytes: number;
  private readonly perSecond: number | undefined;

  /** Undefined: there are mappings that it does not know. */
  static for(mapping: EventMapping): PlainJson | undefined {
    const { format, value, timestamp, function: aggFunc, id, labels, name } = mapping;
    if (format !== "json" || value === "*" || timestamp === "own" || labels === "tags") return undefined;
    if (aggFunc === undefined || id === undefined) return undefined;
    const templates = [name, ...("tokens" in labels ? [] : labels.map(({ template }) => template))];
    const isKnown = templates.every(({ parts }) =>
      parts.every((part) => typeof part === "string" ? isPlain(part) : part.kind === "pointer")
    );
    const arePlain = "tokens" in labels ||
      labels.length <= LABELS_MAX && labels.every(({ label }) => isPlain(label));
    return isKnown && arePlain ? new PlainJson(mapping, value, aggFunc, id) : undefined;
  }

  private constructor(private readonly mapping: EventMapping, value: Pointer, aggFunc: Pointer, id: Pointer) {
    const { record } = this;
    const { name, timestamp, labels, timeUnit } = mapping;
    const piecesOf = ({ parts }: Template) =>
      parts.map((part): Piece => typeof part === "string" ? literal(part) : slotOf(part));
    const slotOf = (part: Template["parts"][number]) =>
      typeof part === "object" && part.kind === "pointer" ? record.slot(part.pointer) : -1;
    this.name = piecesOf(name);
    this.value = record.slot(value);
    this.timestamp = typeof timestamp === "object" ? record.slot(timestamp) : undefined;
    this.function = record.slot(aggFunc);
    this.id = record.slot(id);
    this.allLabels = typeof labels === "object" && "tokens" in labels ? record.slot(labels) : undefined;
    // Their keys are ASCII, where the order of UTF-16 units is that of bytes.
    const rules = typeof labels === "object" && !("tokens" in labels) ? labels : [];
    this.labels = rules.toSorted((a, b) => a.label < b.label ? -1 : 1).map(({ label, template }) => ({
      first: literal(`\0{"${label}":"`),
      next: literal(`","${label}":"`),
      keyBytes: label.length,
      pieces: piecesOf(template),
      isOptional: template.parts.length === 1 && typeof template.parts[0] === "object",
    }));
    const pieces = [...this.name, ...this.labels.flatMap((label) => [label.next, ...label.pieces]), CLOSING];
    this.usedSlots = Int32Array.from(pieces.filter((piece) => typeof piece === "number"));
    this.literalBytes = pieces.reduce<number>(
      (sum, piece) => sum + (typeof piece === "number" ? 0 : piece.length),
      0,
    );
    this.perSecond = perSecond(timeUnit);
  }

  /**
   * Adds the event of the record at `start` to a batch that has room for it. Returns where the record ends,
   * or -1: nothing is added then.
   */
  scan(batch: EventBatch, start: number, { busMs, arrivedMs }: RecordContext): number {
    const end = this.record.scan(batch.bytes, start);
    if (end < 0) return -1;
    const i = batch.count;
    const value = this.numberAt(this.value);
    if (Number.isNaN(value)) return -1;
    const timeMs = this.timestamp === undefined ? busMs ?? arrivedMs : this.timeAt(this.timestamp);
    if (Number.isNaN(timeMs)) return -1;
    const functionOfEvent = this.functionOf();
    if (functionOfEvent === undefined) return -1;
    const { extraLength } = batch;
    if (!this.writeId(batch, i) || !this.writeSeries(batch, i)) {
      batch.extraLength = extraLength;
      return -1;
    }
    batch.position[i] = batch.total;
    batch.rawStart[i] = start;
    batch.rawEnd[i] = end;
    batch.functionId[i] = functionOfEvent;
    batch.value[i] = value;
    batch.timeMs[i] = timeMs;
    batch.count++;
    return end;
  }

  /** NaN: it is for the slow path. */
  private numberAt(slot: number): number {
    const { kind } = this.slots;
    switch (kind[slot]) {
      case NUMBER:
        return this.slots.number[slot]!;
      case TEXT:
        return this.slots.numberInText(slot);
      case TRUE:
        return 1;
      case FALSE:
        return 0;
      default:
        return NaN;
    }
  }

  private timeAt(slot: number): number {
    const kind = this.slots.kind[slot];
    if (this.perSecond === undefined) {
      const timeMs = kind === TEXT ? timeIn(this.slots.text(slot), this.mapping.timeUnit) : NaN;
      return typeof timeMs === "string" ? NaN : timeMs;
    }
    if (kind !== NUMBER && kind !== TEXT) return NaN;
    const number = this.numberAt(slot);
    const timeMs = number >= 0 ? Math.round(number / this.perSecond * 1000) + 0 : NaN;
    return timeMs <= Number.MAX_SAFE_INTEGER ? timeMs : NaN;
  }

  private functionOf(): number | undefined {
    const { slots } = this;
    if (slots.isAbsent(this.function)) return UNNAMED;
    const kind = slots.kind[this.function];
    if (kind !== TEXT || slots.length(this.function) > 16) return undefined;
    if (slots.length(this.function) === 0) return UNNAMED;
    const id = functionId(slots.text(this.function));
    return id < 0 ? undefined : id;
  }

  private writeId(batch: EventBatch, i: number): boolean {
    const { slots, id } = this;
    const kind = slots.kind[id];
    batch.idLength[i] = 0;
    if (kind === NUMBER && !slots.isPlainInteger(id)) return false;
    if (kind !== TEXT && kind !== NUMBER) return true;
    const length = slots.length(id);
    if (length > ID_MAX_BYTES) return false;
    batch.idStart[i] = slots.start[id]!;
    batch.idLength[i] = length;
    batch.idHash[i] = kind === TEXT ? slots.hash[id]! : hashBytes(batch.bytes, slots.start[id]!, length);
    return true;
  }

  /** The name with its labels, as the key of the series. Returns false for the slow path. */
  private writeSeries(batch: EventBatch, i: number): boolean {
    const { slots, name } = this;
    if (this.allLabels !== undefined && !slots.isAbsent(this.allLabels)) return false;
    const [only] = name;
    if (name.length === 1 && typeof only === "number" && this.labels.length === 0) {
      const length = slots.length(only);
      if (slots.kind[only] !== TEXT || length === 0 || length > NAME_MAX_CHARACTERS) return false;
      batch.nameStart[i] = slots.start[only]!;
      batch.nameLength[i] = length;
      batch.nameHash[i] = slots.hash[only]!;
      return true;
    }
    const start = batch.extraLength;
    batch.reserveExtra(this.keyLengthMax());
    if (this.extra.bytes !== batch.extra) this.extra = new Words(batch.extra);
    const nameEnd = this.write(name, start);
    const nameLength = nameEnd - start;
    if (nameLength <= 0 || nameLength > NAME_MAX_CHARACTERS) return false;
    const end = this.writeLabels(nameEnd, nameLength);
    if (end < 0) return false;
    batch.extraLength = end;
    batch.nameStart[i] = ~start;
    batch.nameLength[i] = end - start;
    batch.nameHash[i] = hashWords(this.extra, start, end);
    return true;
  }

  /** Bytes at most that the key of the series takes, and the rest of its last word. */
  private keyLengthMax(): number {
    let length = this.literalBytes + WORD_BYTES;
    for (let i = 0; i < this.usedSlots.length; i++) {
      length += Math.max(0, this.slots.length(this.usedSlots[i]!));
    }
    return length;
  }

  /** Writes the labels behind the name. Returns where they end; -1: they are for the slow path. */
  private writeLabels(start: number, nameLength: number): number {
    const { extra } = this;
    let textBytes = nameLength;
    let at = start;
    let isFirst = true;
    for (let i = 0; i < this.labels.length; i++) {
      const { first, next, keyBytes, pieces, isOptional } = this.labels[i]!;
      if (isOptional && this.slots.isAbsent(pieces[0] as number)) continue;
      at = writeLiteral(isFirst ? first : next, extra, at);
      isFirst = false;
      const valueStart = at;
      at = this.write(pieces, at);
      if (at < 0) return -1;
      for (let value = valueStart; value < at; value++) if (extra.bytes[value] === DELETE) return -1;
      textBytes += keyBytes + at - valueStart;
    }
    if (textBytes > SERIES_MAX_BYTES) return -1;
    return isFirst ? at : writeLiteral(CLOSING, extra, at);
  }

  /** Writes a text to `extra`. Returns where it ends; -1: it is for the slow path. */
  private write(pieces: readonly Piece[], start: number): number {
    const { slots, extra } = this;
    let at = start;
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i]!;
      if (typeof piece !== "number") {
        at = writeLiteral(piece, extra, at);
        continue;
      }
      const kind = slots.kind[piece]!;
      if (slots.isAbsent(piece) || kind === OTHER) return -1;
      if (kind === NUMBER && !slots.isPlainInteger(piece)) return -1;
      at = copyWords(this.record.words, slots.start[piece]!, slots.end[piece]!, extra, at);
    }
    return at;
  }
}

const CLOSING = literal('"}');

/** Of ASCII. */
function literal(text: string): Literal {
  const words = new Words(new Uint8Array(text.length + WORD_BYTES));
  ENCODER.encodeInto(text, words.bytes);
  return { words, length: text.length };
}

function writeLiteral({ words, length }: Literal, extra: Words, at: number): number {
  return copyWords(words, 0, length, extra, at);
}

/** Text that is the same in JSON. */
function isPlain(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text) && !/["\\]/.test(text) && Buffer.byteLength(text) === text.length;
}
