import { Buffer } from "node:buffer";
import { functionId, UNNAMED } from "../../event/agg_function.ts";
import { NAME_MAX_CHARACTERS } from "../../event/event.ts";
import type { EventBatch } from "../../event/event_batch.ts";
import { LABELS_MAX, SERIES_MAX_BYTES } from "../../event/labels.ts";
import { hashBytes } from "../../event/text_hash.ts";
import { ID_MAX_BYTES } from "../append_event.ts";
import type { EventMapping } from "./event_mapping.ts";
import { FALSE, NOTHING, NULL, NUMBER, OTHER, PlainRecord, TEXT, TRUE } from "./plain_record.ts";
import type { RecordContext } from "./reading.ts";
import type { Pointer, Template } from "./template.ts";
import { perSecond, timeIn } from "./time.ts";

/** A piece of a text: its own bytes, or the slot of a record whose content is inserted. */
type Piece = Uint8Array | number;

interface PlainLabel {
  /** A key as in canonical labels: `"site":"`. */
  readonly opening: Uint8Array;
  readonly keyBytes: number;
  readonly pieces: readonly Piece[];
  /** Left out where its only slot has nothing. */
  readonly isOptional: boolean;
}

const ENCODER = new TextEncoder();
const DELETE = 0x7f;
const COMMA = 0x2c;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;
const QUOTE = 0x22;

/**
 * The fast path over records of JSON that are mapped: one walk over the bytes, which makes no object and no
 * string. It takes records of plain ASCII without escapes, each key once, and gives all others, and whatever
 * does not fit, to the slow path: where it takes one, it makes the same event of it.
 */
export class PlainJson {
  private readonly record = new PlainRecord();
  private readonly name: readonly Piece[];
  private readonly value: number;
  /** Undefined: the time of the bus. */
  private readonly timestamp: number | undefined;
  private readonly function: number;
  private readonly id: number;
  /** Of an object of all labels; undefined: there are rules. */
  private readonly allLabels: number | undefined;
  private readonly labels: readonly PlainLabel[];
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
      parts.map((part): Piece => typeof part === "string" ? ENCODER.encode(part) : slotOf(part));
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
      opening: ENCODER.encode(`"${label}":"`),
      keyBytes: label.length,
      pieces: piecesOf(template),
      isOptional: template.parts.length === 1 && typeof template.parts[0] === "object",
    }));
    this.perSecond = perSecond(timeUnit);
  }

  /**
   * Adds the event of the record at `start` to a batch that has room for it. Returns where the record ends,
   * or -1: nothing is added then.
   */
  scan(batch: EventBatch, start: number, { busMs, arrivedMs }: RecordContext): number {
    const { record } = this;
    const end = record.scan(batch.bytes, start);
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
    const { kind } = this.record;
    switch (kind[slot]) {
      case NUMBER:
        return this.record.number(slot);
      case TEXT:
        return this.record.numberInText(slot);
      case TRUE:
        return 1;
      case FALSE:
        return 0;
      default:
        return NaN;
    }
  }

  private timeAt(slot: number): number {
    const kind = this.record.kind[slot];
    if (this.perSecond === undefined) {
      const timeMs = kind === TEXT ? timeIn(this.record.text(slot), this.mapping.timeUnit) : NaN;
      return typeof timeMs === "string" ? NaN : timeMs;
    }
    if (kind !== NUMBER && kind !== TEXT) return NaN;
    const number = this.numberAt(slot);
    const timeMs = number >= 0 ? Math.round(number / this.perSecond * 1000) + 0 : NaN;
    return timeMs <= Number.MAX_SAFE_INTEGER ? timeMs : NaN;
  }

  private functionOf(): number | undefined {
    const { record } = this;
    const kind = record.kind[this.function];
    if (kind === NOTHING || kind === NULL) return UNNAMED;
    if (kind !== TEXT || record.length(this.function) > 16) return undefined;
    if (record.length(this.function) === 0) return UNNAMED;
    const id = functionId(record.text(this.function));
    return id < 0 ? undefined : id;
  }

  private writeId(batch: EventBatch, i: number): boolean {
    const { record, id } = this;
    const kind = record.kind[id];
    batch.idLength[i] = 0;
    if (kind === NUMBER && !record.isPlainInteger(id)) return false;
    if (kind !== TEXT && kind !== NUMBER) return true;
    const length = record.length(id);
    if (length > ID_MAX_BYTES) return false;
    batch.idStart[i] = record.start[id]!;
    batch.idLength[i] = length;
    batch.idHash[i] = hashBytes(batch.bytes, record.start[id]!, length);
    return true;
  }

  /** The name with its labels, as the key of the series. Returns false for the slow path. */
  private writeSeries(batch: EventBatch, i: number): boolean {
    const { record, name } = this;
    if (this.allLabels !== undefined) {
      const kind = record.kind[this.allLabels];
      if (kind !== NOTHING && kind !== NULL) return false;
    }
    const [only] = name;
    if (name.length === 1 && typeof only === "number" && this.labels.length === 0) {
      const length = record.length(only);
      if (record.kind[only] !== TEXT || length === 0 || length > NAME_MAX_CHARACTERS) return false;
      batch.nameStart[i] = record.start[only]!;
      batch.nameLength[i] = length;
      batch.nameHash[i] = hashBytes(batch.bytes, record.start[only]!, length);
      return true;
    }
    const start = batch.extraLength;
    if (!this.write(batch, name)) return false;
    const nameLength = batch.extraLength - start;
    if (nameLength === 0 || nameLength > NAME_MAX_CHARACTERS) return false;
    if (!this.writeLabels(batch, nameLength)) return false;
    const length = batch.extraLength - start;
    batch.nameStart[i] = ~start;
    batch.nameLength[i] = length;
    batch.nameHash[i] = hashBytes(batch.extra, start, length);
    return true;
  }

  private writeLabels(batch: EventBatch, nameLength: number): boolean {
    let textBytes = nameLength;
    let count = 0;
    for (const { opening, keyBytes, pieces, isOptional } of this.labels) {
      if (isOptional && this.isAbsent(pieces[0] as number)) continue;
      batch.reserveExtra(opening.length + 4);
      if (count++ === 0) {
        batch.extra[batch.extraLength++] = 0;
        batch.extra[batch.extraLength++] = BRACE_OPEN;
      } else batch.extra[batch.extraLength++] = COMMA;
      append(batch, opening, 0, opening.length);
      const valueStart = batch.extraLength;
      if (!this.write(batch, pieces)) return false;
      for (let at = valueStart; at < batch.extraLength; at++) if (batch.extra[at] === DELETE) return false;
      textBytes += keyBytes + batch.extraLength - valueStart;
      batch.reserveExtra(2);
      batch.extra[batch.extraLength++] = QUOTE;
    }
    if (count > 0) batch.extra[batch.extraLength++] = BRACE_CLOSE;
    return textBytes <= SERIES_MAX_BYTES;
  }

  private isAbsent(slot: number): boolean {
    const kind = this.record.kind[slot];
    return kind === NOTHING || kind === NULL;
  }

  /** Appends a text to `extra`. */
  private write(batch: EventBatch, pieces: readonly Piece[]): boolean {
    const { record } = this;
    for (const piece of pieces) {
      if (typeof piece !== "number") {
        batch.reserveExtra(piece.length);
        append(batch, piece, 0, piece.length);
        continue;
      }
      const kind = record.kind[piece]!;
      if (kind === NOTHING || kind === NULL || kind === OTHER) return false;
      if (kind === NUMBER && !record.isPlainInteger(piece)) return false;
      const length = record.length(piece);
      batch.reserveExtra(length);
      append(batch, batch.bytes, record.start[piece]!, length);
    }
    return true;
  }
}

/** Texts are short: a loop beats a typed array's set() with its view. */
function append(batch: EventBatch, from: Uint8Array, start: number, length: number): void {
  const { extra } = batch;
  let at = batch.extraLength;
  for (let i = start; i < start + length; i++) extra[at++] = from[i]!;
  batch.extraLength = at;
}

/** Text that is the same in JSON. */
function isPlain(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text) && !/["\\]/.test(text) && Buffer.byteLength(text) === text.length;
}
