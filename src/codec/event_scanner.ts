import { AVG, functionId, MAX, MIN, SUM, UNNAMED, usually } from "../event/agg_function.ts";
import { NAME_MAX_CHARACTERS } from "../event/event.ts";
import type { EventBatch } from "../event/event_batch.ts";
import { endsPlainText, HASH_SEED, hashWord } from "../event/text_hash.ts";
import { appendEvent, ID_MAX_BYTES } from "./append_event.ts";
import { readEvent } from "./event_check.ts";
import { ElementReader, type MappedRecords } from "./mapping/element_reader.ts";
import { BACKSLASH, BRACE_CLOSE, BRACE_OPEN, COLON, COMMA, QUOTE } from "./ascii.ts";
import { JsonBytes } from "./json_bytes.ts";
import { PlainLabels } from "./plain_labels.ts";

const HAS_NAME = 1;
const HAS_VALUE = 2;
const HAS_TIMESTAMP = 4;
const HAS_FUNCTION = 8;
const HAS_ID = 16;
const HAS_LABELS = 32;
const HAS_USUAL = 64;
const HAS_REQUIRED = HAS_NAME | HAS_VALUE | HAS_TIMESTAMP;

/**
 * Powers of ten that a double holds exactly: dividing an exact mantissa by one rounds once, hence correctly
 * (Clinger 1990).
 */
const EXACT_POWERS_OF_TEN = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
const MANTISSA_MAX = Number.MAX_SAFE_INTEGER;

/**
 * Scans a single event (queue mode, dead letters put back) into `batch`. Bytes that are no event are added as
 * an invalid one.
 *
 * @param mapped How the record is mapped to events; undefined: it is an event.
 */
export function scanEvent(body: Uint8Array, batch: EventBatch, mapped?: MappedRecords): void {
  batch.reset(body);
  const json = new JsonBytes(body);
  const events = new EventScanner(json, batch);
  const start = json.afterSpace(0);
  const end = json.withoutSpace(start, body.length);
  if (mapped !== undefined) {
    return new ElementReader(mapped.reader, json, batch, mapped.context).read(start, end);
  }
  batch.reserve();
  if (events.scanPlain(start) === end) batch.total++;
  else events.scanAny(start, end);
}

/** Reads single VaBus events from JSON. */
export class EventScanner {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly labels = new PlainLabels();

  constructor(private readonly json: JsonBytes, private readonly batch: EventBatch) {
    const { bytes } = json;
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The slow path: reads any bytes as an event. */
  scanAny(start: number, end: number): void {
    const batch = this.batch;
    const position = batch.total++;
    // The fast path may have added an event that something unexpected follows.
    if (batch.count > 0 && batch.position[batch.count - 1] === position) batch.count--;
    const checked = readEvent(this.json.textBetween(start, end));
    if (typeof checked === "string") {
      batch.invalid.push({ index: position, detail: checked, rawStart: start, rawEnd: end });
      return;
    }
    appendEvent(batch, checked, position, start, end);
  }

  /**
   * The fast path: an object with `name`, `value`, `timestamp`, `agg_func`, `id`, `labels` and `default_func`
   * in any order. The text is ASCII without escapes, numbers are plain decimals, and each field is known,
   * valid and there at most once. Returns where the event ends, or -1 for the slow path; then nothing is
   * added to the batch.
   *
   * It is one long function because it runs for each event: what it keeps in local variables would otherwise
   * be read from fields.
   */
  scanPlain(start: number): number {
    const { bytes, view, batch } = this;
    const lastWordAt = bytes.length - 4;
    const i = batch.count;
    let at = start;
    let seen = 0;
    let idLength = 0;
    let functionOfEvent = UNNAMED;
    let usual = UNNAMED;
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
          number = Number(this.json.textBetween(numberStart, at));
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
        } else if (field === HAS_USUAL) {
          const id = this.functionAt(textStart, length);
          if (id < 0) return -1;
          usual = usually(id);
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
    batch.functionId[i] = functionOfEvent === UNNAMED ? usual : functionOfEvent;
    batch.idLength[i] = idLength;
    batch.count++;
    return at;
  }

  /** The field whose name, with its closing quote, begins at `at`; 0: none of them. */
  private fieldAt(at: number): number {
    const { bytes, view } = this;
    // Words cannot be read this near to the end. In a reply, brackets follow, so no field is this near to it.
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
      case DEFA:
        return at + 13 <= bytes.length && view.getInt32(at + 4, true) === ULT_ &&
            view.getInt32(at + 8, true) === FUNC && bytes[at + 12] === QUOTE
          ? HAS_USUAL
          : 0;
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
    return length <= 16 ? functionId(this.json.textBetween(start, start + length)!) : -1;
  }
}

/** Field names in words of four characters, little-endian. */
const NAME = 0x656d616e;
const VALU = 0x756c6176;
const TIME = 0x656d6974;
const STAM = 0x6d617473;
const AGG_ = 0x5f676761;
const FUNC = 0x636e7566;
const LABE = 0x6562616c;
const DEFA = 0x61666564;
const ULT_ = 0x5f746c75;

const FIELD_LENGTHS = (() => {
  const lengths = new Uint8Array(128);
  lengths[HAS_NAME] = 4;
  lengths[HAS_VALUE] = 5;
  lengths[HAS_TIMESTAMP] = 9;
  lengths[HAS_FUNCTION] = 8;
  lengths[HAS_ID] = 2;
  lengths[HAS_LABELS] = 6;
  lengths[HAS_USUAL] = 12;
  return lengths;
})();
