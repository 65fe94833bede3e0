import { below, chance, oneOf } from "./draw.ts";
import type { Random } from "./target.ts";

const ENCODER = new TextEncoder();

/** Parts of JSON and HTTP, and texts at which their readers have failed. */
// deno-fmt-ignore
const SNIPPETS = [
  '"', "\\", "{", "}", "[", "]", ",", ":", "-", "+", ".", "e", "E", "0", "1", "9", " ", "\t", "\n", "\r", "\0",
  "null", "true", "false", "NaN", "Infinity", "1e400", "-0", "00", "1.", ".5", "0x10", "\\u0000", "\\ud800",
  "\\udc00", "\\x", '\\"', "//", "/*", '"name":', '"value":', '"events":', '"next":', '"__proto__":', "[[", "]]",
  "\u2028", "\ufeff", "é", "🏭", "9007199254740993", "18446744073709551616", "-1", "1e3",
].map((text) => ENCODER.encode(text));
const BROKEN_UTF8 = [[0x80], [0xc0, 0xaf], [0xff], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]]
  .map((bytes) => Uint8Array.from(bytes));

/** The bytes with one to four changes: flipped, removed, inserted, doubled, swapped or cut off. */
export function mutated(random: Random, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  let changed = Uint8Array.from(bytes);
  for (let changes = 1 + below(random, 4); changes > 0; changes--) changed = change(random, changed);
  return changed;
}

function change(random: Random, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const at = below(random, bytes.length + 1);
  const length = below(random, chance(random, 0.2) ? bytes.length - at + 1 : 8);
  switch (below(random, 7)) {
    case 0: {
      const flipped = Uint8Array.from(bytes);
      if (at < flipped.length) flipped[at]! ^= 1 << below(random, 8);
      return flipped;
    }
    case 1:
      return spliced(bytes, at, length, new Uint8Array());
    case 2:
      return spliced(bytes, at, 0, oneOf(random, SNIPPETS));
    case 3:
      return spliced(bytes, at, 1, oneOf(random, SNIPPETS));
    case 4:
      return spliced(bytes, at, 0, oneOf(random, BROKEN_UTF8));
    case 5:
      return spliced(bytes, at, 0, bytes.subarray(at, at + length));
    default:
      return chance(random, 0.3)
        ? bytes.slice(0, at)
        : spliced(bytes, at, length, bytes.subarray(below(random, bytes.length + 1)).subarray(0, length));
  }
}

function spliced(
  bytes: Uint8Array,
  at: number,
  removed: number,
  added: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const rest = bytes.subarray(at + removed);
  const result = new Uint8Array(at + added.length + rest.length);
  result.set(bytes.subarray(0, at));
  result.set(added, at);
  result.set(rest, at + added.length);
  return result;
}
