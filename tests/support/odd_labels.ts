import fc from "./fast_check.ts";

/** Valid texts of labels that some part on the way might misread. */
export const ODD_TEXTS: readonly string[] = [
  "größe",
  "🏭",
  "👩‍🔧",
  "e\u0301",
  "é",
  "مصنع ٣",
  "\u202eright to left",
  'a"b',
  "a\\b",
  "\\u0000",
  "\\N",
  "{a,b}",
  "{}",
  '{"a":"b"}',
  "a','b",
  "$1",
  "%s",
  "NULL",
  "null",
  " ",
  "  leading and trailing  ",
  "\u2028",
  "\ufeff",
  "\uffee",
  "__proto__",
  "constructor",
  "10",
  "9",
  ":",
  ",",
  "'",
];

const text = fc.oneof(
  fc.constantFrom(...ODD_TEXTS),
  fc.constantFrom("site", "line", "machine", ""),
  fc.string({ unit: "binary", maxLength: 6 }).map((odd) => odd.replace(/\p{Cc}|\p{Cs}/gu, "")),
);

/** Sets of labels as events may have them. */
export const oddLabels: fc.Arbitrary<Record<string, string>> = fc.uniqueArray(fc.tuple(text, text), {
  selector: ([key]) => key,
  maxLength: 6,
}).map((entries) => Object.fromEntries(entries));
