import type { Random } from "./target.ts";

/** A whole number from 0 to `end` - 1. */
export function below(random: Random, end: number): number {
  return Math.floor(random() * end);
}

export function oneOf<T>(random: Random, choices: readonly T[]): T {
  return choices[below(random, choices.length)]!;
}

export function chance(random: Random, probability: number): boolean {
  return random() < probability;
}

/**
 * Puts them into any order, each as likely as the others (Fisher-Yates): as often as there are items,
 * whatever comes.
 */
export function shuffle(random: Random, items: unknown[]): void {
  for (let last = items.length - 1; last > 0; last--) {
    const other = below(random, last + 1);
    [items[last], items[other]] = [items[other], items[last]];
  }
}

/** Any bytes, at most `maxLength` of them. */
export function anyBytes(random: Random, maxLength: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: below(random, maxLength + 1) }, () => below(random, 256));
}

/** Text of `maxLength` characters at most that have caused trouble somewhere. */
export function oddText(random: Random, maxLength: number): string {
  return Array.from({ length: below(random, maxLength + 1) }, () => oneOf(random, ODD_CHARACTERS)).join("");
}

const ODD_CHARACTERS = [
  ..."abc019 .,:;=*/\\\"'`%$#&?!@-_+<>(){}[]|~^",
  ..."\0\x01\b\t\n\r\x1b\x7f\x85\x9b\xa0",
  "\u2028",
  "\u202e",
  "\u200b",
  "\ufeff",
  "\ufffd",
  "\ud800",
  "\udc00",
  "é",
  "ß",
  "İ",
  "センサー",
  "🏭",
  "\u{10ffff}",
  "\x1b[31m",
  "\x1b]0;title\x07",
  "../",
  "%00",
  "%",
  "NaN",
  "1e999",
  "__proto__",
  "'; DROP TABLE aggregated_events; --",
];
