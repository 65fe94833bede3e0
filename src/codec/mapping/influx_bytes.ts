import { isUtf8 } from "node:buffer";
import { UNNAMED } from "../../event/agg_function.ts";
import type { EventBatch } from "../../event/event_batch.ts";
import { bytesBefore } from "../../event/text_hash.ts";
import { BACKSLASH, COMMA, EQUALS, HASH, NEWLINE, QUOTE, RETURN, SPACE } from "../ascii.ts";
import { WORD_BYTES, Words } from "../words.ts";
import { ByteCache, OnePart } from "./byte_cache.ts";
import type { EventMapping } from "./event_mapping.ts";
import { influxLineEnd } from "./influx_line_end.ts";
import { influxNumberIn } from "./influx_number_bytes.ts";
import { influxLineReadings, NO_LINE } from "./influx_readings.ts";
import { KnownField, KnownHead } from "./known_head.ts";
import { SeriesWriter } from "./known_series.ts";
import { asciiBetween, timeMsOf, wholeIn } from "./number_bytes.ts";
import type { RecordContext } from "./reading.ts";
import { EVENTS_MAX, FAILED, type RecordEvents } from "./record_events.ts";
import { perSecond } from "./time.ts";

/** Fields of one measurement with its tags that are looked for. */
const FIELDS_MAX = 256;
/** Names of fields, of all measurements, that are kept once. */
const FIELD_NAMES_MAX = 1024;

const ofBytes = (is: (byte: number) => boolean) => Uint8Array.from({ length: 256 }, (_, byte) => +is(byte));
/** What a name of a field is plain with. */
const IN_NAME = ofBytes((byte) =>
  byte > SPACE && byte < 0x7f && !'",=\\'.includes(String.fromCharCode(byte))
);
/** What a value has that is no text. */
const IN_VALUE = ofBytes((byte) => /[\w.+-]/.test(String.fromCharCode(byte)) && byte < 0x7f);
const IN_TEXT = ofBytes((byte) => byte >= SPACE && byte < 0x7f && byte !== QUOTE && byte !== BACKSLASH);

/**
 * The fast path over line protocol: it walks over the bytes of a line once. Measurement and tags are looked
 * up as they stand there, and are parsed when they come for the first time. Lines that are not plain go to
 * the slow path, one by one.
 */
export class InfluxBytes {
  private readonly heads = new ByteCache<KnownHead>();
  private readonly perSecond: number;
  private readonly hasOwnTime: boolean;
  private readonly fieldNames = new Map<string, Uint8Array>();
  private readonly writer = new SeriesWriter();
  private words = new Words(new Uint8Array());
  private bytes = this.words.bytes;
  private readonly head = new OnePart();
  /** Where the part of a line that was read last ends. */
  private at = 0;

  /** Undefined: there are mappings that it does not know. */
  static for(mapping: EventMapping): InfluxBytes | undefined {
    const { format, name, labels, timeUnit } = mapping;
    const rules = typeof labels === "object" && !("tokens" in labels) ? labels : [];
    const templates = [name, ...rules.map(({ template }) => template)];
    // The same tags are another series under another topic or key.
    const isKnown = templates.every(({ parts }) =>
      parts.every((part) => typeof part === "string" || ["measurement", "field", "tag"].includes(part.kind))
    );
    const unit = perSecond(timeUnit);
    return format === "influx" && isKnown && unit !== undefined ? new InfluxBytes(mapping, unit) : undefined;
  }

  private constructor(private readonly mapping: EventMapping, unit: number) {
    this.perSecond = unit;
    this.hasOwnTime = mapping.timestamp === "own";
  }

  /** Adds the events of a record. Returns false where it is not UTF-8. */
  read(events: RecordEvents, context: RecordContext): boolean {
    const { bytes, textEnd } = events;
    if (this.bytes !== bytes) {
      this.words = new Words(bytes);
      this.bytes = bytes;
    }
    let isEmpty = true;
    for (let at = events.textStart; at < textEnd;) {
      const next = this.plainLine(events, at, context);
      if (next !== FAILED) {
        at = next;
        isEmpty = false;
        continue;
      }
      if (!events.isUtf8()) return false;
      const end = influxLineEnd(bytes, at, textEnd);
      const line = events.text(at, end).trim();
      at = end + 1;
      if (line === "" || line.startsWith("#")) continue;
      isEmpty = false;
      for (const reading of influxLineReadings(line, this.mapping, context)) {
        if (!events.take(reading)) return true;
      }
    }
    if (isEmpty) events.take(NO_LINE);
    return true;
  }

  /**
   * Adds the events of the line at `start`. Returns where the next one begins, or {@link FAILED}: nothing is
   * added then.
   */
  private plainLine(events: RecordEvents, start: number, context: RecordContext): number {
    const { bytes } = this;
    const { batch, textEnd } = events;
    const countBefore = batch.count;
    const head = this.headAt(start, textEnd);
    if (head === undefined || !this.fieldsAt(batch, head, start, textEnd, context)) {
      batch.count = countBefore;
      return FAILED;
    }
    const { hasOwnTime } = this;
    let { at } = this;
    let timeMs = context.busMs ?? context.arrivedMs;
    const timeStart = this.afterSpaces(at, textEnd);
    if (timeStart > at) {
      at = timeStart;
      while (at < textEnd && bytes[at]! > SPACE) at++;
      const ownMs = timeMsOf(wholeIn(bytes, timeStart, at), this.perSecond);
      // What is no whole number of this length is for the slow path.
      if (Number.isNaN(ownMs)) at = FAILED;
      else if (hasOwnTime) timeMs = ownMs;
    }
    const added = batch.count - countBefore;
    const end = at;
    if (at !== FAILED && at < textEnd && bytes[at] === RETURN) at++;
    const isEnd = at >= textEnd || bytes[at] === NEWLINE;
    if (at === FAILED || !isEnd || added === 0 || events.count + added > EVENTS_MAX) {
      batch.count = countBefore;
      return FAILED;
    }
    const lineStart = bytes === batch.bytes ? start : ~start;
    for (let i = countBefore; i < batch.count; i++) {
      batch.position[i] = events.position;
      batch.rawStart[i] = events.start;
      batch.rawEnd[i] = events.end;
      batch.functionId[i] = UNNAMED;
      batch.timeMs[i] = timeMs;
      batch.idLength[i] = 0;
      batch.lineStart[i] = lineStart;
      batch.lineLength[i] = end - start;
      batch.lineEvent[i] = i - countBefore;
      batch.alone[i] = this.alone;
    }
    events.count += added;
    return at + 1;
  }

  /** The measurement with its tags at `start`; undefined: it is not plain. */
  private headAt(start: number, end: number): KnownHead | undefined {
    const { bytes } = this;
    if (bytes[start]! <= SPACE || bytes[start] === HASH) return undefined;
    const lastWordAt = end - WORD_BYTES;
    let at = start;
    while (at <= lastWordAt) {
      const plain = plainHeadBytesIn(this.words.view.getInt32(at, true));
      at += plain;
      if (plain < WORD_BYTES) break;
    }
    for (; at < end && bytes[at] !== SPACE; at++) {
      if (bytes[at]! < SPACE) return undefined;
      if (bytes[at] === BACKSLASH) at++;
    }
    if (at >= end) return undefined;
    this.at = at;
    return this.heads.find(this.words, this.head.at(start, at)) ?? this.newHead(start, at);
  }

  /** Undefined: it is white space in part, which does not belong to it, or is no UTF-8. */
  private newHead(start: number, end: number): KnownHead | undefined {
    const bytes = this.bytes.subarray(start, end);
    if (!isUtf8(bytes) || /^\s/.test(DECODER.decode(bytes))) return undefined;
    const head = new KnownHead();
    this.heads.add(head);
    return head;
  }

  /**
   * Reads the fields after a head that ends at `at`, and begins an event for each number. Returns whether all
   * are plain.
   */
  private fieldsAt(
    batch: EventBatch,
    head: KnownHead,
    start: number,
    end: number,
    context: RecordContext,
  ): boolean {
    const { bytes } = this;
    const headEnd = this.at;
    let at = this.afterSpaces(headEnd, end);
    for (let before: KnownField | undefined;;) {
      const nameStart = at;
      while (at < end && IN_NAME[bytes[at]!] === 1) at++;
      const nameEnd = at;
      if (nameEnd === nameStart || at >= end || bytes[at++] !== EQUALS) return false;
      if (at < end && bytes[at] === QUOTE) {
        at++;
        while (at < end && IN_TEXT[bytes[at]!] === 1) at++;
        if (at >= end || bytes[at++] !== QUOTE) return false;
      } else {
        const valueStart = at;
        while (at < end && IN_VALUE[bytes[at]!] === 1) at++;
        const value = influxNumberIn(bytes, valueStart, at);
        if (Number.isNaN(value)) return false;
        before = head.find(bytes, nameStart, nameEnd - nameStart, before) ??
          this.newField(head, start, headEnd, nameStart, nameEnd, context);
        if (before === undefined) return false;
        batch.reserve();
        this.writer.write(before, batch, batch.count);
        batch.value[batch.count++] = value;
      }
      if (at < end && bytes[at] === COMMA) at++;
      else break;
    }
    this.at = at;
    return true;
  }

  /** Undefined: what the slow path makes of it is no event. */
  private newField(
    head: KnownHead,
    headStart: number,
    headEnd: number,
    nameStart: number,
    nameEnd: number,
    context: RecordContext,
  ): KnownField | undefined {
    if (head.count === FIELDS_MAX) return undefined;
    const headText = DECODER.decode(this.bytes.subarray(headStart, headEnd));
    const name = asciiBetween(this.bytes, nameStart, nameEnd);
    const [reading] = influxLineReadings(`${headText} ${name}=0`, this.mapping, context);
    if (typeof reading?.event !== "object") return undefined;
    const field = new KnownField(this.nameOf(name), reading.event);
    head.add(field);
    this.heads.grow(field.length + nameEnd - nameStart);
    return field;
  }

  /** The bytes of a field's name, the same object where it comes again. */
  private nameOf(text: string): Uint8Array {
    let name = this.fieldNames.get(text);
    if (name === undefined) {
      if (this.fieldNames.size === FIELD_NAMES_MAX) this.fieldNames.clear();
      this.fieldNames.set(text, name = ENCODER.encode(text));
    }
    return name;
  }

  private afterSpaces(at: number, end: number): number {
    while (at < end && this.bytes[at] === SPACE) at++;
    return at;
  }

  /**
   * What the slow path would keep of an event. Its line was parsed last, where several of its events are
   * asked for.
   */
  private readonly alone = (batch: EventBatch, event: number): string => {
    const start = batch.lineStart[event]!;
    const { line } = this;
    if (line.filling !== batch.filling || line.start !== start) {
      const from = start >= 0 ? start : ~start;
      const bytes = (start >= 0 ? batch.bytes : batch.extra).subarray(from, from + batch.lineLength[event]!);
      const readings = influxLineReadings(DECODER.decode(bytes), this.mapping, { arrivedMs: 0 });
      this.line = { filling: batch.filling, start, alone: Array.from(readings, ({ alone }) => alone!) };
    }
    return this.line.alone[batch.lineEvent[event]!]!();
  };
  private line: { filling: number; start: number; alone: (() => string)[] } = {
    filling: 0,
    start: 0,
    alone: [],
  };
}

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
const ENCODER = new TextEncoder();

/** How many bytes of a word come before the first space, control character or backslash in it. */
function plainHeadBytesIn(word: number): number {
  const backslash = word ^ 0x5c5c5c5c;
  return bytesBefore(((backslash - 0x01010101) & ~backslash) | ((word - 0x21212121) & ~word));
}
