/**
 * Events of the usual shape in a row, in AssemblyScript: `scanPlain` of `src/codec/event_scanner.ts` for many
 * events in one call. It takes less than that does, and what it leaves is read there. `make wasm` compiles it
 * to `src/codec/plain_events.wasm`, which `src/codec/plain_run.ts` calls.
 *
 * The caller copies a piece of the reply to {@link pieceAddress}, with zeros after it: no field, number or
 * text goes on over a zero. What is read is in columns, each at its {@link columnAddress}, and the keys of
 * series with labels are at {@link keysAddress}.
 */

const PIECE_BYTES: i32 = 0x10000;
/** A word may be read at the end of a piece, and one after it. */
const PADDING_BYTES: i32 = 16;
const EVENTS_MAX: i32 = 2048;

/** 10^0 to 10^22, which a double holds exactly: a quotient by one of them is rounded once. */
const POWERS_OF_TEN: i32 = 0x40;
const PIECE: i32 = 0x400;
const COLUMNS: i32 = PIECE + PIECE_BYTES + 0x400;
const COLUMN_BYTES: i32 = EVENTS_MAX << 3;
const POSITION: i32 = COLUMNS;
const RAW_START: i32 = POSITION + COLUMN_BYTES;
const RAW_END: i32 = RAW_START + COLUMN_BYTES;
const NAME_START: i32 = RAW_END + COLUMN_BYTES;
const NAME_LENGTH: i32 = NAME_START + COLUMN_BYTES;
const NAME_HASH: i32 = NAME_LENGTH + COLUMN_BYTES;
const FUNCTION_ID: i32 = NAME_HASH + COLUMN_BYTES;
const ID_START: i32 = FUNCTION_ID + COLUMN_BYTES;
const ID_LENGTH: i32 = ID_START + COLUMN_BYTES;
const ID_HASH: i32 = ID_LENGTH + COLUMN_BYTES;
const VALUE: i32 = ID_HASH + COLUMN_BYTES;
const TIME_MS: i32 = VALUE + COLUMN_BYTES;
const KEYS: i32 = TIME_MS + COLUMN_BYTES;

const HAS_NAME: i32 = 1;
const HAS_VALUE: i32 = 2;
const HAS_TIMESTAMP: i32 = 4;
const HAS_FUNCTION: i32 = 8;
const HAS_ID: i32 = 16;
const HAS_LABELS: i32 = 32;
const HAS_REQUIRED: i32 = HAS_NAME | HAS_VALUE | HAS_TIMESTAMP;
const MANTISSA_MAX: i64 = 9007199254740991;
/** So many digits are below 2^63. */
const DIGITS_MAX: i32 = 18;
const TIME_MAX_MS: f64 = 9007199254740991;

const NEWLINE: i32 = 0x0a;
const RETURN: i32 = 0x0d;
const SPACE: i32 = 0x20;
const QUOTE: i32 = 0x22;
const COMMA: i32 = 0x2c;
const MINUS: i32 = 0x2d;
const POINT: i32 = 0x2e;
const DIGIT_0: i32 = 0x30;
const COLON: i32 = 0x3a;
const BRACE_OPEN: i32 = 0x7b;
const BRACE_CLOSE: i32 = 0x7d;

/** What `src/event/agg_function.ts` calls them. */
const UNNAMED: i32 = -1;
const PERCENTILE_BASE: i32 = 16;
const PERCENTILE_UNITS: i32 = 10000;

/** Stands for an address where there is nothing that can be read. */
const NOWHERE: i32 = 0;

let nameMaxBytes: i32 = 0;
let idMaxBytes: i32 = 0;
let labelsMax: i32 = 0;
let seriesMaxBytes: i32 = 0;
/** Up to where the last call has read the piece. */
let read: i32 = 0;
/** What was read last: a number, or a text. */
let number: f64 = 0;
let textHash: i32 = 0;
let labelsStart: i32 = 0;
let labelsEnd: i32 = 0;
/** Of keys and values alone. */
let labelsTextBytes: i32 = 0;
/** Where the keys of the events before end, and with that of the event that is read. */
let keysEnd: i32 = 0;
let keyEnd: i32 = 0;
/** What an address among the keys becomes in the caller's memory. */
let keysBase: i32 = 0;

/** Where a piece of at most {@link pieceBytes} goes, with {@link paddingBytes} zeros after it. */
export function pieceAddress(): i32 {
  return PIECE;
}

export function pieceBytes(): i32 {
  return PIECE_BYTES;
}

export function paddingBytes(): i32 {
  return PADDING_BYTES;
}

/** The most events of one call. */
export function eventsMax(): i32 {
  return EVENTS_MAX;
}

/** Where a column is, by its number in the order of the constants above. */
export function columnAddress(column: i32): i32 {
  return COLUMNS + column * COLUMN_BYTES;
}

/** Where the keys are that the last call of {@link scan} has made, {@link keysBytes} in all. */
export function keysAddress(): i32 {
  return KEYS;
}

export function keysBytes(): i32 {
  return keysEnd - KEYS;
}

/** To be called before all else. */
export function prepare(nameBytes: i32, idBytes: i32, labels: i32, seriesBytes: i32): void {
  nameMaxBytes = nameBytes;
  idMaxBytes = idBytes;
  labelsMax = labels;
  seriesMaxBytes = seriesBytes;
  let power: f64 = 1;
  for (let i = 0; i <= 22; i++, power *= 10) store<f64>(POWERS_OF_TEN + (i << 3), power);
}

/**
 * Reads events, each with the separator after it, from `start` of the piece on. Returns how many there are.
 *
 * @param offset Where the piece begins in the reply or the file.
 * @param position That of the first event.
 * @param separator A comma, or a line break. A line begins with its event.
 * @param keysOffset Where the caller will have the keys.
 */
export function scan(
  start: i32,
  offset: i32,
  position: i32,
  max: i32,
  separator: i32,
  keysOffset: i32,
): i32 {
  const base = offset - PIECE;
  keysEnd = KEYS;
  keysBase = keysOffset - KEYS;
  let next = PIECE + start;
  let events = 0;
  for (; events < max; events++) {
    const rawStart = separator === COMMA ? afterWhiteSpace(next) : next;
    const rawEnd = scanEvent(rawStart, events << 2, base);
    if (rawEnd === NOWHERE) break;
    const end = separator === NEWLINE && byteAt(rawEnd) === RETURN ? rawEnd + 1 : rawEnd;
    if (byteAt(end) !== separator) break;
    store<i32>(POSITION + (events << 2), position + events);
    store<i32>(RAW_START + (events << 2), rawStart + base);
    store<i32>(RAW_END + (events << 2), rawEnd + base);
    keysEnd = keyEnd;
    next = end + 1;
  }
  read = next - PIECE;
  return events;
}

/** How much of the piece was read by the last call of {@link scan}: up to the last event's separator. */
export function readBytes(): i32 {
  return read;
}

/** Reads the event at `at` into the columns, `row` bytes from their beginnings. Returns where it ends. */
function scanEvent(at: i32, row: i32, base: i32): i32 {
  let seen: i32 = 0;
  let functionOfEvent: i32 = UNNAMED;
  let idLength: i32 = 0;
  let separator: i32 = COMMA;
  if (byteAt(at) !== BRACE_OPEN) return NOWHERE;
  do {
    at = afterSpaces(at + 1);
    const field = fieldAt(at);
    if (field === 0 || (seen & field) !== 0) return NOWHERE;
    seen |= field;
    at = afterSpaces(at + lengthOf(field));
    if (byteAt(at) !== COLON) return NOWHERE;
    at = afterSpaces(at + 1);
    if (field === HAS_VALUE) {
      at = scanNumber(at);
      if (at === NOWHERE) return NOWHERE;
      store<f64>(VALUE + (row << 1), number);
    } else if (field === HAS_TIMESTAMP) {
      at = scanNumber(at);
      if (at === NOWHERE || !(number >= 0)) return NOWHERE;
      const timeMs = rounded(number * 1000);
      if (timeMs > TIME_MAX_MS) return NOWHERE;
      store<f64>(TIME_MS + (row << 1), timeMs);
    } else if (field === HAS_LABELS) {
      at = scanLabels(at);
      if (at === NOWHERE) return NOWHERE;
    } else {
      const start = at + 1;
      at = scanText(at);
      if (at === NOWHERE) return NOWHERE;
      const length = at - 1 - start;
      if (field === HAS_NAME) {
        if (length === 0 || length > nameMaxBytes) return NOWHERE;
        store<i32>(NAME_START + row, start + base);
        store<i32>(NAME_LENGTH + row, length);
        store<i32>(NAME_HASH + row, textHash);
      } else if (field === HAS_ID) {
        if (length > idMaxBytes) return NOWHERE;
        idLength = length;
        store<i32>(ID_START + row, start + base);
        store<i32>(ID_HASH + row, textHash);
      } else {
        functionOfEvent = functionAt(start, length);
        if (functionOfEvent === UNNAMED) return NOWHERE;
      }
    }
    at = afterSpaces(at);
    separator = byteAt(at);
  } while (separator === COMMA);
  if (separator !== BRACE_CLOSE || (seen & HAS_REQUIRED) !== HAS_REQUIRED) return NOWHERE;
  store<i32>(FUNCTION_ID + row, functionOfEvent);
  store<i32>(ID_LENGTH + row, idLength);
  keyEnd = keysEnd;
  if ((seen & HAS_LABELS) !== 0 && !joinLabels(row, base)) return NOWHERE;
  return at + 1;
}

/** The field whose quoted name is at `at`; 0: another one. */
function fieldAt(at: i32): i32 {
  if (byteAt(at) !== QUOTE) return 0;
  const word = wordAt(at + 1);
  // name
  if (word === 0x656d616e) return byteAt(at + 5) === QUOTE ? HAS_NAME : 0;
  // value
  if (word === 0x756c6176) return byteAt(at + 5) === 0x65 && byteAt(at + 6) === QUOTE ? HAS_VALUE : 0;
  // timestamp
  if (word === 0x656d6974) {
    return wordAt(at + 5) === 0x6d617473 && byteAt(at + 9) === 0x70 && byteAt(at + 10) === QUOTE
      ? HAS_TIMESTAMP
      : 0;
  }
  // agg_func
  if (word === 0x5f676761) {
    return wordAt(at + 5) === 0x636e7566 && byteAt(at + 9) === QUOTE ? HAS_FUNCTION : 0;
  }
  // labels
  if (word === 0x6562616c) {
    return byteAt(at + 5) === 0x6c && byteAt(at + 6) === 0x73 && byteAt(at + 7) === QUOTE ? HAS_LABELS : 0;
  }
  // id, with its closing quote
  return (word & 0xffffff) === 0x226469 ? HAS_ID : 0;
}

/** Of the quoted name of a field. */
function lengthOf(field: i32): i32 {
  if (field === HAS_NAME) return 6;
  if (field === HAS_VALUE) return 7;
  if (field === HAS_TIMESTAMP) return 11;
  if (field === HAS_LABELS) return 8;
  return field === HAS_FUNCTION ? 10 : 4;
}

/** Reads the number at `at`. Returns where it ends. */
function scanNumber(at: i32): i32 {
  const isNegative = byteAt(at) === MINUS;
  if (isNegative) at++;
  const first = at;
  let mantissa: i64 = 0;
  let digit = byteAt(at) - DIGIT_0;
  if (digit === 0) {
    digit = byteAt(++at) - DIGIT_0;
  } else {
    if (<u32> digit > 9) return NOWHERE;
    do {
      mantissa = mantissa * 10 + digit;
      digit = byteAt(++at) - DIGIT_0;
    } while (<u32> digit <= 9);
  }
  let digits = at - first;
  let decimals: i32 = 0;
  if (digit === POINT - DIGIT_0) {
    const point = at;
    digit = byteAt(++at) - DIGIT_0;
    while (<u32> digit <= 9) {
      mantissa = mantissa * 10 + digit;
      digit = byteAt(++at) - DIGIT_0;
    }
    decimals = at - point - 1;
    if (decimals === 0) return NOWHERE;
    digits += decimals;
  }
  if (digits > DIGITS_MAX || mantissa > MANTISSA_MAX) return NOWHERE;
  number = <f64> mantissa / load<f64>(POWERS_OF_TEN + (decimals << 3));
  if (isNegative) number = -number;
  return at;
}

/** Reads the quoted text at `at`: ASCII without escapes. Returns where it ends. */
function scanText(at: i32): i32 {
  if (byteAt(at++) !== QUOTE) return NOWHERE;
  let hash: i32 = 0x811c9dc5;
  let word = wordAt(at);
  let ends = endsIn(word);
  while (ends === 0) {
    hash = hashWord(hash, word);
    at += 4;
    word = wordAt(at);
    ends = endsIn(word);
  }
  const bits = ctz(ends) & 0x18;
  textHash = hashWord(hash, word & ((1 << bits) - 1));
  at += bits >> 3;
  return byteAt(at) === QUOTE ? at + 1 : NOWHERE;
}

/**
 * Reads the labels at `at` where they are written as in the key of a series: without spaces, in the order of
 * their keys. Returns where they end.
 */
function scanLabels(at: i32): i32 {
  if (byteAt(at) !== BRACE_OPEN) return NOWHERE;
  labelsStart = at;
  labelsTextBytes = 0;
  let labels: i32 = 0;
  let lastKey: i32 = NOWHERE;
  let lastLength: i32 = 0;
  let separator: i32 = COMMA;
  do {
    if (labels++ === labelsMax) return NOWHERE;
    const key = at + 2;
    at = scanLabelText(at + 1);
    if (at === NOWHERE || byteAt(at) !== COLON) return NOWHERE;
    const length = at - 1 - key;
    if (lastKey !== NOWHERE && !isAfter(key, length, lastKey, lastLength)) return NOWHERE;
    lastKey = key;
    lastLength = length;
    const value = at + 2;
    at = scanLabelText(at + 1);
    if (at === NOWHERE) return NOWHERE;
    labelsTextBytes += length + at - 1 - value;
    separator = byteAt(at);
  } while (separator === COMMA);
  if (separator !== BRACE_CLOSE) return NOWHERE;
  labelsEnd = at + 1;
  return labelsEnd;
}

/** As {@link scanText}, without the hash; DEL ends it as well. */
function scanLabelText(at: i32): i32 {
  if (byteAt(at++) !== QUOTE) return NOWHERE;
  let word = wordAt(at);
  let ends = endsIn(word) | deletesIn(word);
  while (ends === 0) {
    at += 4;
    word = wordAt(at);
    ends = endsIn(word) | deletesIn(word);
  }
  at += ctz(ends) >> 3;
  return byteAt(at) === QUOTE ? at + 1 : NOWHERE;
}

/** Whether one text comes after another one in the order of their bytes. */
function isAfter(text: i32, length: i32, before: i32, lengthBefore: i32): bool {
  const shorter = length < lengthBefore ? length : lengthBefore;
  for (let i = 0; i < shorter; i++) {
    const byte = byteAt(text + i);
    const other = byteAt(before + i);
    if (byte !== other) return byte > other;
  }
  return length > lengthBefore;
}

/** Makes the name of an event the key of its series, see `src/event/labels.ts`. False: it is too long. */
function joinLabels(row: i32, base: i32): bool {
  const nameLength = load<i32>(NAME_LENGTH + row);
  if (nameLength + labelsTextBytes > seriesMaxBytes) return false;
  const zero = copied(load<i32>(NAME_START + row) - base, nameLength, keysEnd);
  store<u8>(zero, 0);
  keyEnd = copied(labelsStart, labelsEnd - labelsStart, zero + 1);
  store<i32>(NAME_START + row, ~(keysEnd + keysBase));
  store<i32>(NAME_LENGTH + row, keyEnd - keysEnd);
  let hash: i32 = 0x811c9dc5;
  let at = keysEnd;
  for (; at + 4 <= keyEnd; at += 4) hash = hashWord(hash, wordAt(at));
  store<i32>(NAME_HASH + row, hashWord(hash, wordAt(at) & ((1 << ((keyEnd - at) << 3)) - 1)));
  return true;
}

/** Copies some bytes, and up to three after them. Returns where the copy ends. */
function copied(from: i32, length: i32, to: i32): i32 {
  for (let i = 0; i < length; i += 4) store<i32>(to + i, wordAt(from + i));
  return to + length;
}

/** The function whose name is at `at`; {@link UNNAMED}: one that is not known here. */
function functionAt(at: i32, length: i32): i32 {
  const word = wordAt(at);
  if (length === 3) {
    const three = word & 0xffffff;
    if (three === 0x6d7573) return 0;
    if (three === 0x677661) return 1;
    if (three === 0x6e696d) return 2;
    if (three === 0x78616d) return 3;
  } else if (length === 4) {
    if (word === 0x7473616c) return 6;
  } else if (length === 5) {
    if (word === 0x6e756f63 && byteAt(at + 4) === 0x74) return 4;
    if (word === 0x73726966 && byteAt(at + 4) === 0x74) return 5;
  } else if (length === 6) {
    if (word === 0x64647473 && (wordAt(at + 4) & 0xffff) === 0x7665) return 7;
  }
  return percentileAt(at, length);
}

/** p0 to p100, without decimals. */
function percentileAt(at: i32, length: i32): i32 {
  if (length < 2 || length > 4 || byteAt(at) !== 0x70) return UNNAMED;
  let percent: i32 = 0;
  for (let i = 1; i < length; i++) {
    const digit = byteAt(at + i) - DIGIT_0;
    if (<u32> digit > 9) return UNNAMED;
    percent = percent * 10 + digit;
  }
  return percent <= 100 ? PERCENTILE_BASE + percent * PERCENTILE_UNITS : UNNAMED;
}

/** As `Math.round`, for numbers from 0 on; -0 becomes 0. */
function rounded(value: f64): f64 {
  const floor = Math.floor(value);
  return (value - floor >= 0.5 ? floor + 1 : floor) + 0;
}

/** A step of `src/event/text_hash.ts`. */
function hashWord(hash: i32, word: i32): i32 {
  return (rotl(hash, 13) ^ (word * <i32> 0xcc9e2d51)) * <i32> 0x1b873593;
}

/** The highest bit of each byte that ends plain text, see `src/event/text_hash.ts`. */
function endsIn(word: i32): i32 {
  const quote = word ^ 0x22222222;
  const backslash = word ^ 0x5c5c5c5c;
  return (((quote - 0x01010101) & ~quote) | ((backslash - 0x01010101) & ~backslash) |
    ((word - 0x20202020) & ~word) | word) & 0x80808080;
}

/** Likewise, of each byte that is DEL. */
function deletesIn(word: i32): i32 {
  const deletes = word ^ 0x7f7f7f7f;
  return (deletes - 0x01010101) & ~deletes & 0x80808080;
}

function afterSpaces(at: i32): i32 {
  while (byteAt(at) === SPACE) at++;
  return at;
}

function afterWhiteSpace(at: i32): i32 {
  let byte = byteAt(at);
  while (byte === SPACE || byte === NEWLINE || byte === RETURN || byte === 0x09) byte = byteAt(++at);
  return at;
}

function byteAt(address: i32): i32 {
  return load<u8>(address);
}

function wordAt(address: i32): i32 {
  return load<i32>(address);
}
