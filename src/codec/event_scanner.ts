import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { AVG, FUNCTION_LIST, functionId, MAX, MIN, SUM } from "../event/agg_function.ts";
import { printable } from "../platform/log/printable.ts";
import type { EventBatch } from "../event/event_batch.ts";
import { NAME_MAX_CHARACTERS } from "../event/event.ts";
import { canonicalLabels, labelsProblem, seriesKey } from "../event/labels.ts";
import { PlainLabels } from "./plain_labels.ts";
import { hasLabelTwice } from "./repeated_label.ts";
import { LOG_ID_MAX_CHARACTERS } from "../contract/source.ts";
import { endsPlainText, HASH_SEED, hashBytes, hashWord } from "../event/text_hash.ts";

/** What a reply says about itself, besides its events. */
export interface ReplyHeader {
  /** Identifies the log; another one after the bus was reset. */
  readonly log: string;
  /** Offset of the first event in the reply. */
  readonly offset: number;
  /** Offset to ask for next. */
  readonly next: number;
}

/** The reply is not JSON, or not of VaBus's shape. The message is for the operator. */
export class ReplyFormatError extends Error {
  override readonly name = "ReplyFormatError";
}

/** A checked event, as `JSON.parse` gave it. */
interface CheckedEvent {
  readonly name: string;
  /** Canonical; "": none. */
  readonly labels: string;
  readonly functionId: number;
  readonly value: number;
  readonly timeMs: number;
  readonly id: string | undefined;
}

/** More events than may be asked for at once. */
const EVENTS_MAX = 1_000_000;
/** Ids longer than this are remembered by their SHA-256, so that memory for ids stays bounded. Bytes. */
const ID_MAX_BYTES = 256;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;

const HAS_NAME = 1;
const HAS_VALUE = 2;
const HAS_TIMESTAMP = 4;
const HAS_FUNCTION = 8;
const HAS_ID = 16;
const HAS_LABELS = 32;
const HAS_REQUIRED = HAS_NAME | HAS_VALUE | HAS_TIMESTAMP;

/** Powers of ten that a double holds exactly: dividing an exact mantissa by one rounds once, hence correctly (Clinger 1990). */
const EXACT_POWERS_OF_TEN = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
const MANTISSA_MAX = Number.MAX_SAFE_INTEGER;

/**
 * Scans a reply `{"log","offset","next","events"}` from its bytes into `batch`.
 *
 * The shape that events nearly always have is read in place, without strings or objects; an event with anything else in
 * it (escapes, non-ASCII text, exponents, unknown or repeated fields) is cut out and read by `JSON.parse`. The result is
 * the same as that of `JSON.parse` over the whole reply and {@link checkEvent} over its events.
 *
 * An element of `events` reaches to the comma or bracket that follows it outside of its own strings and brackets. One that is
 * not JSON, or not UTF-8, is invalid, and the rest is read. Outside its elements the reply has to be JSON in UTF-8.
 *
 * @param eventsMax How many events were asked for: what is wrong with each of any number could fill the memory.
 * @throws {ReplyFormatError} The batch is then empty or half filled and must not be used.
 */
export function scanReply(body: Uint8Array, batch: EventBatch, eventsMax = EVENTS_MAX): ReplyHeader {
  batch.reset(body);
  const hasByteOrderMark = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf;
  return new ReplyScanner(body, batch, eventsMax).scan(hasByteOrderMark ? 3 : 0);
}

/**
 * Reads the header fields of a reply that come before its events, without looking at the events; undefined when they
 * are not all there. Lets the next fetch start before this reply is scanned. Checks nothing else.
 */
export function peekHeader(body: Uint8Array): ReplyHeader | undefined {
  const start = body.subarray(0, 1024);
  const buffer = Buffer.from(start.buffer, start.byteOffset, start.length);
  const headEnd = buffer.indexOf('"events"');
  if (headEnd < 0 || !isUtf8(start.subarray(0, headEnd))) return undefined;
  const head = buffer.toString("utf8", 0, headEnd);
  const log = /"log"\s*:\s*"([^"\\]+)"\s*,/.exec(head)?.[1];
  const offset = /"offset"\s*:\s*(\d{1,15})\s*,/.exec(head)?.[1];
  const next = /"next"\s*:\s*(\d{1,15})\s*,/.exec(head)?.[1];
  if (log === undefined || offset === undefined || next === undefined) return undefined;
  return { log, offset: Number(offset), next: Number(next) };
}

/** Scans a single event (queue mode, dead letters put back) into `batch`; whatever is none is invalid. */
export function scanEvent(body: Uint8Array, batch: EventBatch): void {
  batch.reset(body);
  new ReplyScanner(body, batch, 1).scanSingle();
}

class ReplyScanner {
  private at = 0;
  private readonly view: DataView;
  private readonly buffer: Buffer;
  /** Whether all of the bytes are UTF-8; not looked at before it matters. */
  private isText: boolean | undefined;
  private readonly labels = new PlainLabels();

  constructor(
    private readonly bytes: Uint8Array,
    private readonly batch: EventBatch,
    private readonly eventsMax: number,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  scan(start: number): ReplyHeader {
    this.at = start;
    let hasEvents = false;
    const fields = new Map<string, unknown>();
    this.expect(BRACE_OPEN);
    if (this.peek() === BRACE_CLOSE) {
      this.at++;
    } else {
      do {
        const key = this.parseValue();
        if (typeof key !== "string") throw this.malformed();
        this.expect(COLON);
        if (key === "events") {
          hasEvents = this.scanEvents();
        } else {
          fields.set(key, this.parseValue());
        }
      } while (this.commaOr(BRACE_CLOSE));
    }
    this.skipSpace();
    if (this.at !== this.bytes.length) throw this.malformed();
    return this.checkHeader(fields, hasEvents);
  }

  scanSingle(): void {
    this.skipSpace();
    const start = this.at;
    const end = this.withoutSpace(start, this.bytes.length);
    this.batch.reserve();
    if (this.scanPlainEvent(start) === end) this.batch.total++;
    else this.scanAnyEvent(start, end);
  }

  private checkHeader(fields: Map<string, unknown>, hasEvents: boolean): ReplyHeader {
    const log = fields.get("log");
    const offset = fields.get("offset");
    const next = fields.get("next");
    if (!isLogId(log)) throw new ReplyFormatError('the reply has no "log"');
    if (!isOffset(offset) || !isOffset(next)) {
      throw new ReplyFormatError('the reply\'s "offset" and "next" are not whole numbers');
    }
    if (!hasEvents) throw new ReplyFormatError('the reply has no array "events"');
    // The offsets of a log have no gaps: a reply that leaves some out would lose events without a word.
    if (next - offset !== this.batch.total) {
      throw new ReplyFormatError(
        `the reply holds ${this.batch.total} events, but says it reaches from ${offset} to ${next}`,
      );
    }
    return { log, offset, next };
  }

  /** Returns whether there was an array. The last of several `events` counts, as with `JSON.parse`. */
  private scanEvents(): boolean {
    this.batch.reset(this.bytes);
    if (this.peek() !== BRACKET_OPEN) {
      this.parseValue();
      return false;
    }
    this.at++;
    if (this.peek() === BRACKET_CLOSE) {
      this.at++;
      return true;
    }
    do {
      if (this.batch.total === this.eventsMax) {
        throw new ReplyFormatError(
          `the reply holds more events than the ${this.eventsMax} that were asked for`,
        );
      }
      this.skipSpace();
      this.scanOne();
    } while (this.isAtComma() || this.commaOr(BRACKET_CLOSE));
    return true;
  }

  /** Scans the element at `at`, by the fast path when it can. */
  private scanOne(): void {
    const start = this.at;
    this.batch.reserve();
    const plainEnd = this.scanPlainEvent(start);
    if (plainEnd >= 0) {
      this.at = plainEnd;
      const next = this.bytes[plainEnd] === COMMA ? COMMA : this.peek();
      if (next === COMMA || next === BRACKET_CLOSE) {
        this.batch.total++;
        return;
      }
    }
    this.at = this.endOfElement(start);
    const end = this.withoutSpace(start, this.at);
    if (end === start) throw this.malformed(start);
    this.scanAnyEvent(start, end);
  }

  /** Reads any bytes as an event, whatever the fast path has made of them. */
  private scanAnyEvent(start: number, end: number): void {
    const batch = this.batch;
    const position = batch.total++;
    if (batch.count > 0 && batch.position[batch.count - 1] === position) batch.count--;
    const checked = readEvent(this.textBetween(start, end));
    if (typeof checked === "string") {
      batch.invalid.push({ index: position, detail: checked, rawStart: start, rawEnd: end });
      return;
    }
    const i = batch.count++;
    const name = batch.appendExtra(seriesKey(checked.name, checked.labels));
    batch.position[i] = position;
    batch.rawStart[i] = start;
    batch.rawEnd[i] = end;
    batch.nameStart[i] = name.start;
    batch.nameLength[i] = name.length;
    batch.nameHash[i] = hashBytes(batch.extra, ~name.start, name.length);
    batch.functionId[i] = checked.functionId;
    batch.value[i] = checked.value;
    batch.timeMs[i] = checked.timeMs;
    if (checked.id === undefined) batch.idLength[i] = 0;
    else this.setId(i, checked.id);
  }

  private setId(i: number, id: string): void {
    const batch = this.batch;
    // Three bytes a UTF-16 unit at most: only a text longer than a third of the bound can be beyond it.
    const bounded = id.length * 3 > ID_MAX_BYTES && Buffer.byteLength(id) > ID_MAX_BYTES
      ? createHash("sha256").update(id).digest("hex")
      : id;
    const { start, length } = batch.appendExtra(bounded);
    batch.idStart[i] = start;
    batch.idLength[i] = length;
    batch.idHash[i] = hashBytes(batch.extra, ~start, length);
  }

  /**
   * The fast path: `{"name":…,"value":…,"timestamp":…,"agg_func":…,"id":…,"labels":{…}}` in any order, ASCII text without
   * escapes, plain decimal numbers, known fields, each at most once, valid. Returns where the event ends, or -1 for the slow path;
   * nothing is added to the batch then.
   */
  private scanPlainEvent(start: number): number {
    const { bytes, view, batch } = this;
    const lastWordAt = bytes.length - 4;
    const i = batch.count;
    let at = start;
    let seen = 0;
    let idLength = 0;
    let functionOfEvent = SUM;
    if (bytes[at++] !== BRACE_OPEN) return -1;
    for (;;) {
      while (bytes[at] === 0x20) at++;
      if (bytes[at] !== QUOTE) return -1;
      const field = this.fieldAt(at + 1);
      if (field === 0 || (seen & field) !== 0) return -1;
      seen |= field;
      at += FIELD_LENGTHS[field]! + 2;
      while (bytes[at] === 0x20) at++;
      if (bytes[at++] !== COLON) return -1;
      while (bytes[at] === 0x20) at++;

      if (field === HAS_VALUE || field === HAS_TIMESTAMP) {
        const numberStart = at;
        const isNegative = bytes[at] === 0x2d;
        if (isNegative) at++;
        let byte = bytes[at]!;
        let mantissa = 0;
        let decimals = 0;
        if (byte === 0x30) {
          byte = bytes[++at]!;
        } else {
          if (!(byte >= 0x31 && byte <= 0x39)) return -1;
          do {
            mantissa = mantissa * 10 + (byte - 0x30);
            byte = bytes[++at]!;
          } while (byte >= 0x30 && byte <= 0x39);
        }
        if (byte === 0x2e) {
          const pointAt = at;
          byte = bytes[++at]!;
          while (byte >= 0x30 && byte <= 0x39) {
            mantissa = mantissa * 10 + (byte - 0x30);
            byte = bytes[++at]!;
          }
          decimals = at - pointAt - 1;
          if (decimals === 0) return -1;
        }
        if (byte !== COMMA && byte !== BRACE_CLOSE && byte !== 0x20) return -1;
        let number: number;
        if (mantissa <= MANTISSA_MAX && decimals <= 22) {
          number = mantissa / EXACT_POWERS_OF_TEN[decimals]!;
          if (isNegative) number = -number;
        } else {
          number = Number(this.textBetween(numberStart, at));
          if (!Number.isFinite(number)) return -1;
        }
        if (field === HAS_VALUE) {
          batch.value[i] = number;
        } else {
          if (!(number >= 0)) return -1;
          const timeMs = Math.round(number * 1000) + 0;
          if (timeMs > Number.MAX_SAFE_INTEGER) return -1;
          batch.timeMs[i] = timeMs;
        }
      } else if (field === HAS_LABELS) {
        at = this.labels.scan(bytes, at);
        if (at < 0) return -1;
      } else {
        if (bytes[at++] !== QUOTE) return -1;
        const textStart = at;
        let hash = HASH_SEED;
        for (; at <= lastWordAt; at += 4) {
          const word = view.getInt32(at, true);
          if (endsPlainText(word)) break;
          hash = hashWord(hash, word);
        }
        let rest = 0;
        for (let shift = 0;; shift += 8) {
          const byte = bytes[at]!;
          if (byte === QUOTE) break;
          if (!(byte >= 0x20 && byte < 0x80) || byte === BACKSLASH) return -1;
          rest |= byte << shift;
          at++;
        }
        hash = hashWord(hash, rest);
        const length = at - textStart;
        at++;
        if (field === HAS_NAME) {
          if (length === 0 || length > NAME_MAX_CHARACTERS) return -1;
          batch.nameStart[i] = textStart;
          batch.nameLength[i] = length;
          batch.nameHash[i] = hash;
        } else if (field === HAS_ID) {
          if (length > ID_MAX_BYTES) return -1;
          idLength = length;
          batch.idStart[i] = textStart;
          batch.idHash[i] = hash;
        } else {
          functionOfEvent = this.functionAt(textStart, length);
          if (functionOfEvent < 0) return -1;
        }
      }

      while (bytes[at] === 0x20) at++;
      const separator = bytes[at++];
      if (separator === COMMA) continue;
      if (separator === BRACE_CLOSE) break;
      return -1;
    }
    if ((seen & HAS_REQUIRED) !== HAS_REQUIRED) return -1;
    if ((seen & HAS_LABELS) !== 0 && this.labels.count > 0 && !this.labels.join(batch, i)) return -1;
    batch.position[i] = batch.total;
    batch.rawStart[i] = start;
    batch.rawEnd[i] = at;
    batch.functionId[i] = functionOfEvent;
    batch.idLength[i] = idLength;
    batch.count++;
    return at;
  }

  /** Which field's name, with its closing quote, stands at `at`; 0 for none of them. */
  private fieldAt(at: number): number {
    const { bytes, view } = this;
    // Too near the end to read words; in a reply no event's field is.
    if (at + 10 > bytes.length) return 0;
    switch (view.getInt32(at, true)) {
      case NAME:
        return bytes[at + 4] === QUOTE ? HAS_NAME : 0;
      case VALU:
        return bytes[at + 4] === 0x65 && bytes[at + 5] === QUOTE ? HAS_VALUE : 0;
      case TIME:
        return view.getInt32(at + 4, true) === STAM && bytes[at + 8] === 0x70 && bytes[at + 9] === QUOTE
          ? HAS_TIMESTAMP
          : 0;
      case AGG_:
        return view.getInt32(at + 4, true) === FUNC && bytes[at + 8] === QUOTE ? HAS_FUNCTION : 0;
      case LABE:
        return bytes[at + 4] === 0x6c && bytes[at + 5] === 0x73 && bytes[at + 6] === QUOTE ? HAS_LABELS : 0;
      default:
        return bytes[at] === 0x69 && bytes[at + 1] === 0x64 && bytes[at + 2] === QUOTE ? HAS_ID : 0;
    }
  }

  private functionAt(start: number, length: number): number {
    const bytes = this.bytes;
    if (length === 3) {
      switch (bytes[start]! | (bytes[start + 1]! << 8) | (bytes[start + 2]! << 16)) {
        case 0x6d7573:
          return SUM;
        case 0x677661:
          return AVG;
        case 0x6e696d:
          return MIN;
        case 0x78616d:
          return MAX;
      }
    }
    return length <= 16 ? functionId(this.textBetween(start, start + length)!) : -1;
  }

  /** Cuts the JSON value at `at` out of the reply and parses it. */
  private parseValue(): unknown {
    this.skipSpace();
    const start = this.at;
    this.at = this.endOfValue(start);
    if (!isUtf8(this.bytes.subarray(start, this.at))) throw this.malformed(start);
    try {
      return JSON.parse(this.buffer.toString("utf8", start, this.at));
    } catch {
      throw this.malformed(start);
    }
  }

  /**
   * Where the value that starts at `start` ends, judged by quotes and brackets alone: whether it is JSON is for
   * `JSON.parse` to say. All the bytes looked for are ASCII, so they cannot be part of another character.
   */
  private endOfValue(start: number): number {
    const bytes = this.bytes;
    let depth = 0;
    for (let at = start; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) {
        at = this.closingQuote(at);
        if (depth === 0) return at + 1;
      } else if (byte === BRACE_OPEN || byte === BRACKET_OPEN) {
        depth++;
      } else if (byte === BRACE_CLOSE || byte === BRACKET_CLOSE) {
        if (depth === 0) return at;
        if (--depth === 0) return at + 1;
      } else if (depth === 0 && (byte === COMMA || byte === COLON || isSpace(byte))) {
        return at;
      }
    }
    if (depth > 0) throw this.malformed(bytes.length);
    return bytes.length;
  }

  /** Where the comma or bracket stands that ends the element; which kind of bracket closes which is for `JSON.parse` to say. */
  private endOfElement(start: number): number {
    const bytes = this.bytes;
    let depth = 0;
    for (let at = start; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) at = this.closingQuote(at);
      else if (byte === BRACE_OPEN || byte === BRACKET_OPEN) depth++;
      else if (depth > 0) {
        if (byte === BRACE_CLOSE || byte === BRACKET_CLOSE) depth--;
      } else if (byte === COMMA || byte === BRACKET_CLOSE) return at;
      else if (byte === BRACE_CLOSE) throw this.malformed(at);
    }
    throw this.malformed(bytes.length);
  }

  /** Undefined: the bytes are not UTF-8. With U+FFFD in their place, names that differ in them would become one. */
  private textBetween(start: number, end: number): string | undefined {
    this.isText ??= isUtf8(this.bytes);
    if (!this.isText && !isUtf8(this.bytes.subarray(start, end))) return undefined;
    return this.buffer.toString("utf8", start, end);
  }

  private closingQuote(openingAt: number): number {
    const bytes = this.bytes;
    let at = openingAt + 1;
    while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
    if (at >= bytes.length) throw this.malformed(bytes.length);
    return at;
  }

  private withoutSpace(start: number, end: number): number {
    while (end > start && isSpace(this.bytes[end - 1])) end--;
    return end;
  }

  private skipSpace(): void {
    while (isSpace(this.bytes[this.at])) this.at++;
  }

  private peek(): number | undefined {
    this.skipSpace();
    return this.bytes[this.at];
  }

  private expect(byte: number): void {
    if (this.peek() !== byte) throw this.malformed();
    this.at++;
  }

  /** Steps over a comma that follows at once, as it nearly always does. */
  private isAtComma(): boolean {
    if (this.bytes[this.at] !== COMMA) return false;
    this.at++;
    return true;
  }

  /** Steps over a comma (true) or the closing byte (false). */
  private commaOr(closing: number): boolean {
    const byte = this.peek();
    if (byte !== COMMA && byte !== closing) throw this.malformed();
    this.at++;
    return byte === COMMA;
  }

  private malformed(at = this.at): ReplyFormatError {
    return new ReplyFormatError(
      at >= this.bytes.length
        ? `the reply is cut off after ${this.bytes.length} bytes`
        : `the reply is not JSON in UTF-8 (at byte ${at})`,
    );
  }
}

/** Four letters each, as little-endian words. */
const NAME = 0x656d616e;
const VALU = 0x756c6176;
const TIME = 0x656d6974;
const STAM = 0x6d617473;
const AGG_ = 0x5f676761;
const FUNC = 0x636e7566;
const LABE = 0x6562616c;

const FIELD_LENGTHS = (() => {
  const lengths = new Uint8Array(64);
  lengths[HAS_NAME] = 4;
  lengths[HAS_VALUE] = 5;
  lengths[HAS_TIMESTAMP] = 9;
  lengths[HAS_FUNCTION] = 8;
  lengths[HAS_ID] = 2;
  lengths[HAS_LABELS] = 6;
  return lengths;
})();

/** Whether a value may be the identity of a log. Half a surrogate pair would come back from the state as another text. */
export function isLogId(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= LOG_ID_MAX_CHARACTERS &&
    value.isWellFormed();
}

/** An event from its text, or what is wrong with it. */
function readEvent(text: string | undefined): CheckedEvent | string {
  if (text === undefined) return "not UTF-8";
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return "not JSON";
  }
  const checked = checkEvent(parsed);
  return typeof checked === "object" && checked.labels !== "" && hasLabelTwice(text, parsed)
    ? "a label that is there twice"
    : checked;
}

const FUNCTION_SHOWN_CHARACTERS = 40;

function functionProblem(aggFunc: unknown): string {
  const given = typeof aggFunc === "string"
    ? printable(JSON.stringify(aggFunc.slice(0, FUNCTION_SHOWN_CHARACTERS)))
    : "that is no text";
  return `unknown function ${given}; there are ${FUNCTION_LIST}`;
}

/**
 * Checks a parsed value against the shape of an event. Returns what is wrong as text for the operator when it is none.
 * `agg_func`, `id` and `labels` may be null, which many serialisers write for "not there"; an id that is no text is no id.
 */
export function checkEvent(parsed: unknown): CheckedEvent | string {
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return "not an object";
  const { name, value, timestamp, agg_func: aggFunc, id, labels } = parsed as Record<string, unknown>;
  if (typeof name !== "string" || name === "") return "no name";
  if (name.length > NAME_MAX_CHARACTERS && [...name].length > NAME_MAX_CHARACTERS) {
    return `name longer than ${NAME_MAX_CHARACTERS} characters`;
  }
  if (name.includes("\0")) return "name with a NUL character";
  if (!name.isWellFormed()) return "name with half a surrogate pair";
  if (typeof value !== "number" || !Number.isFinite(value)) return "value is not a finite number";
  if (typeof timestamp !== "number" || !Number.isFinite(timestamp)) return "timestamp is not a finite number";
  if (timestamp < 0) return "timestamp is negative";
  if (typeof id === "string" && !id.isWellFormed()) return "id with half a surrogate pair";
  let functionOfEvent = SUM;
  if (aggFunc !== undefined && aggFunc !== null) {
    functionOfEvent = typeof aggFunc === "string" ? functionId(aggFunc) : -1;
    if (functionOfEvent < 0) return functionProblem(aggFunc);
  }
  const problem = labels === undefined || labels === null ? undefined : labelsProblem(name, labels);
  if (problem !== undefined) return problem;
  return {
    name,
    labels: canonicalLabels((labels ?? {}) as Record<string, string>),
    functionId: functionOfEvent,
    value,
    // Beyond what a double counts in whole milliseconds every time is the same far future.
    timeMs: Math.min(Math.round(timestamp * 1000) + 0, Number.MAX_SAFE_INTEGER),
    id: typeof id === "string" && id !== "" ? id : undefined,
  };
}

function isOffset(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
