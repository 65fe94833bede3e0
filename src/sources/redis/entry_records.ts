import { BEGINNING_BYTES, type BusRecord, lengthProblem } from "../../codec/bus_records.ts";
import { LongText } from "./resp_reader.ts";
import type { Entry } from "./stream_info.ts";

const [QUOTE, BACKSLASH, SPACE, COLON, COMMA] = [0x22, 0x5c, 0x20, 0x3a, 0x2c];
const [BRACE_OPEN, BRACE_CLOSE] = [0x7b, 0x7d];
/** A byte becomes `\u00XX` at most. */
const ESCAPED_MAX = 6;
const ENCODER = new TextEncoder();

/** Makes records of the entries of one stream. */
export class EntryRecords {
  private readonly fieldBytes: Uint8Array | undefined;

  /**
   * @param key The stream's, which is the topic of its records.
   * @param field The field that holds the record; undefined: an entry is a JSON object of its fields, which
   * are texts.
   */
  constructor(private readonly key: string, private readonly field: string | undefined) {
    this.fieldBytes = field === undefined ? undefined : ENCODER.encode(field);
  }

  /** @param arrivedMs Wall clock, Unix ms. */
  recordOf(entry: Entry, arrivedMs: number): BusRecord {
    const { id } = entry;
    return {
      ...this.contentOf(entry),
      offset: undefined,
      topic: this.key,
      key: id,
      busMs: Number(id.slice(0, id.indexOf("-"))),
      arrivedMs,
    };
  }

  private contentOf({ fields }: Entry): Pick<BusRecord, "bytes" | "problem"> {
    const { fieldBytes } = this;
    if (fieldBytes === undefined) {
      const problem = lengthProblem(fields.reduce((sum, { length }) => sum + length, 0));
      const bytes = objectOf(fields);
      return { bytes: problem === undefined ? bytes : bytes.slice(0, BEGINNING_BYTES), problem };
    }
    for (let i = 0; i < fields.length; i += 2) {
      if (!isSame(fields[i]!, fieldBytes)) continue;
      const value = fields[i + 1]!;
      return value instanceof LongText
        ? { bytes: value.beginning, problem: lengthProblem(value.length) }
        : { bytes: value, problem: undefined };
    }
    return {
      bytes: objectOf(fields).slice(0, BEGINNING_BYTES),
      problem: `an entry without the field ${this.field}, which field= of the URL names`,
    };
  }
}

function isSame(one: Uint8Array | LongText, other: Uint8Array): boolean {
  if (one instanceof LongText || one.length !== other.length) return false;
  for (let i = 0; i < other.length; i++) if (one[i] !== other[i]) return false;
  return true;
}

/** A JSON object of fields and values, all of them texts. Bytes that are not UTF-8 stay as they are. */
function objectOf(fields: Entry["fields"]): Uint8Array {
  let size = 1;
  const texts = fields.map((field) => field instanceof LongText ? field.beginning : field);
  for (const text of texts) size += 3 + (needsEscapes(text) ? text.length * ESCAPED_MAX : text.length);
  const object = new Uint8Array(size);
  let at = 0;
  for (let i = 0; i < texts.length; i++) {
    object[at++] = i === 0 ? BRACE_OPEN : i % 2 === 0 ? COMMA : COLON;
    object[at++] = QUOTE;
    at = writeText(texts[i]!, object, at);
    object[at++] = QUOTE;
  }
  object[at++] = BRACE_CLOSE;
  return object.subarray(0, at);
}

function needsEscapes(text: Uint8Array): boolean {
  for (const byte of text) if (byte < SPACE || byte === QUOTE || byte === BACKSLASH) return true;
  return false;
}

/** Returns where it ends. */
function writeText(text: Uint8Array, into: Uint8Array, start: number): number {
  if (!needsEscapes(text)) {
    into.set(text, start);
    return start + text.length;
  }
  let at = start;
  for (const byte of text) {
    if (byte === QUOTE || byte === BACKSLASH) into[at++] = BACKSLASH;
    if (byte >= SPACE) into[at++] = byte;
    else at += ENCODER.encodeInto(`\\u00${byte.toString(16).padStart(2, "0")}`, into.subarray(at)).written;
  }
  return at;
}
