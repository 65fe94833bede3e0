import type { RefusedEvent } from "../state/letters/dead_letters.ts";

/**
 * What is wrong with refused events, told apart for the metrics: a small number of kinds, whatever comes.
 */
export const REFUSAL_KINDS = [
  "timestamp",
  "unit",
  "series",
  "format",
  "name",
  "value",
  "function",
  "labels",
  "size",
  "other",
] as const;
export type RefusalKind = typeof REFUSAL_KINDS[number];

/** Words in the details of invalid events. */
const WORDS: readonly (readonly [RefusalKind, RegExp])[] = [
  ["format", /not JSON|not UTF-8|not an object|not a text|no fields|is not (?:TAG|FIELD)=|does not end/],
  ["timestamp", /timestamp/],
  ["name", /\bname|measurement/],
  ["value", /\bvalue|no finite number|no number/],
  ["function", /function/],
  ["labels", /\blabel/],
  ["size", /more than|longer|deeply|of which|without a payload/],
];

/** The kind of a refusal. In the detail of an invalid event, the first word decides. */
export function refusalKind({ reason, detail }: Pick<RefusedEvent, "reason" | "detail">): RefusalKind {
  if (reason === "overflow") return "series";
  if (reason !== "invalid") return /it looks like/.test(detail) ? "unit" : "timestamp";
  let [kind, first]: [RefusalKind, number] = ["other", Infinity];
  for (const [candidate, words] of WORDS) {
    const at = detail.search(words);
    if (at >= 0 && at < first) [kind, first] = [candidate, at];
  }
  return kind;
}
