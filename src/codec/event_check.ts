import { FUNCTION_LIST, functionId, UNNAMED, usually } from "../event/agg_function.ts";
import { NAME_MAX_CHARACTERS } from "../event/event.ts";
import { canonicalLabels, labelsProblem } from "../event/labels.ts";
import { printable } from "../platform/log/printable.ts";
import { jsonFault } from "./json_fault.ts";
import { isMeantAsNumber, numberIn } from "./mapping/number.ts";
import { hasLabelTwice } from "./repeated_label.ts";

export interface CheckedEvent {
  readonly name: string;
  /** Canonical labels; "": none. */
  readonly labels: string;
  /** {@link UNNAMED}, or less: the event names no function, see {@link usually}. */
  readonly functionId: number;
  readonly value: number;
  readonly timeMs: number;
  readonly id: string | undefined;
}

/** An event from its text, or what is wrong with it. */
export function readEvent(text: string | undefined): CheckedEvent | string {
  if (text === undefined) return "not UTF-8";
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return jsonFault(text);
  }
  const checked = checkEvent(parsed);
  return typeof checked === "object" && checked.labels !== "" && hasLabelTwice(text, parsed)
    ? "a label that is there twice"
    : checked;
}

const FUNCTION_SHOWN_CHARACTERS = 40;

/** What is wrong with an event that names an unknown function, for the operator. */
export function functionProblem(aggFunc: unknown): string {
  const given = typeof aggFunc === "string"
    ? printable(JSON.stringify(aggFunc.slice(0, FUNCTION_SHOWN_CHARACTERS)))
    : "that is no text";
  return `unknown function ${given}; there are ${FUNCTION_LIST}`;
}

/** What is wrong with the name of an event, for the operator; undefined: nothing. */
export function nameProblem(name: string): string | undefined {
  if (name === "") return "no name";
  if (name.length > NAME_MAX_CHARACTERS && [...name].length > NAME_MAX_CHARACTERS) {
    return `name longer than ${NAME_MAX_CHARACTERS} characters`;
  }
  if (name.includes("\0")) return "name with a NUL character";
  return name.isWellFormed() ? undefined : "name with half a surrogate pair";
}

/** What is wrong with a value that is no number, for the operator. */
function valueProblem(value: unknown): string {
  const problem = "value is not a finite number";
  if (typeof value !== "string" || !isMeantAsNumber(value)) return problem;
  const inQuotes = numberIn(value);
  return typeof inQuotes === "number"
    ? `${problem}: it is in quotes, and EVENT_VALUE=/value reads such numbers`
    : `${problem}: ${inQuotes}`;
}

/**
 * Checks a parsed value against the shape of an event. Returns the event, or what is wrong with it as text
 * for the operator. `agg_func`, `id` and `labels` may be null, which many serialisers write for a missing
 * value. An id that is not a text counts as missing; so does a `default_func` that is no function.
 */
export function checkEvent(parsed: unknown): CheckedEvent | string {
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return "not an object";
  const { name, value, timestamp, agg_func: aggFunc, id, labels, default_func: usual } = parsed as Record<
    string,
    unknown
  >;
  if (typeof name !== "string") return "no name";
  const nameFault = nameProblem(name);
  if (nameFault !== undefined) return nameFault;
  if (typeof value !== "number" || !Number.isFinite(value)) return valueProblem(value);
  if (typeof timestamp !== "number" || !Number.isFinite(timestamp)) return "timestamp is not a finite number";
  if (timestamp < 0) return "timestamp is negative";
  if (typeof id === "string" && !id.isWellFormed()) return "id with half a surrogate pair";
  let functionOfEvent = UNNAMED;
  if (aggFunc !== undefined && aggFunc !== null) {
    functionOfEvent = typeof aggFunc === "string" ? functionId(aggFunc) : -1;
    if (functionOfEvent < 0) return functionProblem(aggFunc);
  } else if (typeof usual === "string") {
    const id = functionId(usual);
    if (id >= 0) functionOfEvent = usually(id);
  }
  const problem = labels === undefined || labels === null ? undefined : labelsProblem(name, labels);
  if (problem !== undefined) return problem;
  return {
    name,
    labels: canonicalLabels((labels ?? {}) as Record<string, string>),
    functionId: functionOfEvent,
    value,
    // Greater times are all the same far future: a double cannot count them in whole milliseconds.
    timeMs: Math.min(Math.round(timestamp * 1000) + 0, Number.MAX_SAFE_INTEGER),
    id: typeof id === "string" && id !== "" ? id : undefined,
  };
}
