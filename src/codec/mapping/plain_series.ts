import { NAME_MAX_CHARACTERS } from "../../event/event.ts";
import type { EventBatch } from "../../event/event_batch.ts";
import { SERIES_MAX_BYTES } from "../../event/labels.ts";
import { DELETE } from "../ascii.ts";
import { copyWords, hashWords, WORD_BYTES, Words } from "../words.ts";
import { ByteCache, type Parts } from "./byte_cache.ts";
import type { EventMapping } from "./event_mapping.ts";
import { KnownSeries, SeriesWriter } from "./known_series.ts";
import type { PlainRecord } from "./plain_record.ts";
import { NUMBER, OTHER, type RecordSlots, TEXT } from "./record_slots.ts";
import type { Template } from "./template.ts";

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

/** The series of events from plain records: name and labels. Those that were seen before are looked up. */
export class PlainSeries {
  private readonly slots: RecordSlots;
  private extra = new Words(new Uint8Array());
  private readonly name: readonly Piece[];
  /** Of an object of all labels; undefined: there are rules. */
  private readonly allLabels: number | undefined;
  private readonly labels: readonly PlainLabel[];
  /** Of name and labels: the slots, as often as they are inserted, and the bytes of all literals. */
  private readonly usedSlots: Int32Array;
  private readonly literalBytes: number;
  /** Whether the name is the text of one slot, and there are no labels: it stands in the record. */
  private readonly isNameAlone: boolean;
  /** By the contents of the slots of name and labels. */
  private readonly known = new ByteCache<KnownSeries>();
  private readonly seriesParts: Parts;
  private readonly writer = new SeriesWriter();

  /**
   * @param record It has the slots of the rest of an event.
   * @param mapping Its literals are plain, and its labels no tags.
   */
  constructor(private readonly record: PlainRecord, { name, labels }: EventMapping) {
    const piecesOf = ({ parts }: Template) =>
      parts.map((part): Piece => typeof part === "string" ? literal(part) : slotOf(part));
    const slotOf = (part: Template["parts"][number]) =>
      typeof part === "object" && part.kind === "pointer" ? record.slot(part.pointer) : -1;
    this.name = piecesOf(name);
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
    const [only] = this.name;
    this.isNameAlone = this.name.length === 1 && typeof only === "number" && this.labels.length === 0;
    const { slots } = record;
    this.slots = slots;
    if (this.isNameAlone) slots.isHashed[only as number] = 1;
    this.seriesParts = {
      start: slots.start,
      end: slots.end,
      chosen: Int32Array.from(new Set(this.usedSlots)),
    };
  }

  /** Writes the series of the record to an event of a batch. Returns false for the slow path. */
  write(batch: EventBatch, i: number): boolean {
    const { slots, name } = this;
    if (this.allLabels !== undefined && !slots.isAbsent(this.allLabels)) return false;
    if (this.isNameAlone) {
      const only = name[0] as number;
      const length = slots.length(only);
      if (slots.kind[only] !== TEXT || length === 0 || length > NAME_MAX_CHARACTERS) return false;
      batch.nameStart[i] = slots.start[only]!;
      batch.nameLength[i] = length;
      batch.nameHash[i] = slots.hash[only]!;
      return true;
    }
    if (!this.haveTexts()) return false;
    const series = this.known.find(this.record.words, this.seriesParts);
    if (series === undefined) return this.writeNewSeries(batch, i);
    this.writer.write(series, batch, i);
    return true;
  }

  /** Whether what name and labels are made of has a text of its own. What is absent becomes no part. */
  private haveTexts(): boolean {
    const { slots, seriesParts: { chosen, end, start } } = this;
    for (let i = 0; i < chosen.length; i++) {
      const slot = chosen[i]!;
      const kind = slots.kind[slot]!;
      if (kind === TEXT) continue;
      if (kind === OTHER || (kind === NUMBER && !slots.isPlainInteger(slot))) return false;
      if (slots.isAbsent(slot)) end[slot] = start[slot]! - 1;
    }
    return true;
  }

  private writeNewSeries(batch: EventBatch, i: number): boolean {
    const start = batch.extraLength;
    batch.reserveExtra(this.keyLengthMax());
    if (this.extra.bytes !== batch.extra) this.extra = new Words(batch.extra);
    const nameEnd = this.fill(this.name, start);
    const nameLength = nameEnd - start;
    if (nameLength <= 0 || nameLength > NAME_MAX_CHARACTERS) return false;
    const end = this.writeLabels(nameEnd, nameLength);
    if (end < 0) return false;
    batch.extraLength = end;
    batch.nameStart[i] = ~start;
    batch.nameLength[i] = end - start;
    batch.nameHash[i] = hashWords(this.extra, start, end);
    if (this.known.hasRoom()) {
      const series = new KnownSeries(batch.extra.slice(start, end));
      this.known.add(series);
      this.known.grow(series.length);
    }
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
      at = this.fill(pieces, at);
      if (at < 0) return -1;
      for (let value = valueStart; value < at; value++) if (extra.bytes[value] === DELETE) return -1;
      textBytes += keyBytes + at - valueStart;
    }
    if (textBytes > SERIES_MAX_BYTES) return -1;
    return isFirst ? at : writeLiteral(CLOSING, extra, at);
  }

  /** Writes a text to `extra`. Returns where it ends; -1: it is for the slow path. */
  private fill(pieces: readonly Piece[], start: number): number {
    const { slots, extra } = this;
    let at = start;
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i]!;
      if (typeof piece !== "number") {
        at = writeLiteral(piece, extra, at);
        continue;
      }
      if (slots.isAbsent(piece)) return -1;
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
