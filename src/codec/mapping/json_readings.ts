import { jsonFault } from "../json_fault.ts";
import type { EventMapping } from "./event_mapping.ts";
import { otherPointers } from "./pointers.ts";
import { makeEvent, type Parts, type Reading, type RecordContext } from "./reading.ts";
import type { Pointer } from "./template.ts";

/** The events of a record that is JSON. */
export function* jsonReadings(
  text: string,
  mapping: EventMapping,
  context: RecordContext,
): Generator<Reading> {
  let record: unknown;
  try {
    record = JSON.parse(text);
  } catch {
    yield { event: jsonFault(text) };
    return;
  }
  const partsOf = (value: unknown, path: readonly string[], valueName: string): Parts => ({
    at: (pointer) => find(record, pointer),
    fill: () => path.join("."),
    value,
    valueName,
    valuePath: mapping.value === "*" ? path : undefined,
  });
  const { value: pointer } = mapping;
  if (pointer !== "*") {
    const found = find(record, pointer);
    const event = found === undefined
      ? `no value: ${pointer.text} finds nothing`
      : makeEvent(mapping, partsOf(found, pointer.tokens, `the value at ${pointer.text}`), context);
    yield { event };
    return;
  }
  const leaves = numericLeaves(record, mapping);
  if (typeof leaves === "string") return yield { event: leaves };
  if (leaves.length === 0) yield { event: "no number in it" };
  for (const { path, value } of leaves) {
    yield {
      event: makeEvent(mapping, partsOf(value, path, `the value at /${path.join("/")}`), context),
      alone: leaves.length === 1 ? undefined : () => only(record, path, mapping),
    };
  }
}

/** Of each step a token is kept, for each number on the way. */
const DEPTH_MAX = 100;

function find(record: unknown, { tokens }: Pointer): unknown {
  let at = record;
  for (const token of tokens) {
    if (typeof at !== "object" || at === null) return undefined;
    if (Array.isArray(at)) at = /^(?:0|[1-9]\d*)$/.test(token) ? at[Number(token)] : undefined;
    else at = Object.hasOwn(at, token) ? (at as Record<string, unknown>)[token] : undefined;
  }
  return at;
}

interface Leaf {
  readonly path: readonly string[];
  readonly value: unknown;
}

/** A step into a record; the steps before it lead there. */
interface Step {
  readonly key: string;
  readonly before: Step | undefined;
  readonly depth: number;
}

/**
 * All numbers and booleans that are no other part of an event, in their order; or why they are not looked
 * for.
 */
function numericLeaves(record: unknown, mapping: EventMapping): Leaf[] | string {
  const others = new Set(otherPointers(mapping).map(({ tokens }) => JSON.stringify(tokens)));
  const leaves: Leaf[] = [];
  // No recursion: a record may be nested more deeply than the stack is.
  const pending: { readonly step: Step | undefined; readonly value: unknown }[] = [{
    step: undefined,
    value: record,
  }];
  for (let next; (next = pending.pop()) !== undefined;) {
    const { step, value } = next;
    if (typeof value === "object" && value !== null) {
      const depth = (step?.depth ?? 0) + 1;
      if (depth > DEPTH_MAX) {
        return `nested more deeply than ${DEPTH_MAX}, where each number is to be an event`;
      }
      const entries = Object.entries(value)
        .map(([key, inner]) => ({ step: { key, before: step, depth }, value: inner }));
      for (const entry of entries.reverse()) pending.push(entry);
    } else if (typeof value === "number" || typeof value === "boolean") {
      const path = pathOf(step);
      if (!others.has(JSON.stringify(path))) leaves.push({ path, value });
    }
  }
  return leaves;
}

function pathOf(last: Step | undefined): string[] {
  const path: string[] = [];
  for (let step = last; step !== undefined; step = step.before) path.push(step.key);
  return path.reverse();
}

/**
 * Of a record one number, and what else makes an event of it. An array on the way becomes an object, in which
 * an index leads to the same.
 */
function only(record: unknown, path: readonly string[], mapping: EventMapping): string {
  const copy = {};
  for (const tokens of [path, ...otherPointers(mapping).map((pointer) => pointer.tokens)]) {
    if (find(record, { text: "", tokens }) !== undefined) put(copy, record, tokens);
  }
  return JSON.stringify(copy);
}

/** Copies what a path leads to, with what lies on the way. */
function put(copy: unknown, record: unknown, tokens: readonly string[]): void {
  let [to, from] = [copy as Record<string, unknown>, record as Record<string, unknown>];
  for (const token of tokens.slice(0, -1)) {
    const inner = from[token] as Record<string, unknown>;
    if (!Object.hasOwn(to, token)) define(to, token, {});
    [to, from] = [to[token] as Record<string, unknown>, inner];
  }
  const last = tokens.at(-1);
  if (last !== undefined) define(to, last, from[last]);
}

/** Also of a property called `__proto__`. */
function define(owner: object, key: string, value: unknown): void {
  Object.defineProperty(owner, key, { value, enumerable: true, writable: true, configurable: true });
}
