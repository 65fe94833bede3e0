import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { functionName, UNNAMED, usualOf } from "../../src/event/agg_function.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import { scanReply } from "../../src/codec/reply_scanner.ts";
import { ReplyFormatError } from "../../src/codec/json_bytes.ts";
import { scanEvent } from "../../src/codec/event_scanner.ts";
import { labelKeys, type ModelElement, readElement, readReply } from "../support/reply_model.ts";
import { below, chance, oddText, oneOf, shuffle } from "./draw.ts";
import { mutated } from "./mutation.ts";
import type { Random, Target } from "./target.ts";

/**
 * The scanner against a model of replies (`reply_model.ts`), and a check of their events that shares no code
 * with it.
 */
export const scanner: Target = {
  name: "scanner",
  what: "replies and events, generated and mutated, against a second reader and a second validator",
  open: () =>
    Promise.resolve({
      attempt,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
};

export interface Read {
  readonly header: { readonly log: string; readonly offset: number; readonly next: number } | undefined;
  readonly total: number;
  readonly events: readonly unknown[];
  /** Those that are none: position, and the bytes as they came, in base64. */
  readonly invalid: readonly (readonly [number, string])[];
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
/** Used again for every input, as the product does: nothing of one reply may show in the next. */
const BATCH = new EventBatch();

function attempt(random: Random): string {
  if (chance(random, 0.002)) return deep(random);
  const isSingle = chance(random, 0.2);
  let bytes: Uint8Array = ENCODER.encode(isSingle ? eventText(random) : replyText(random));
  if (chance(random, 0.35)) bytes = mutated(random, bytes);
  const expected = isSingle ? parseEvent(bytes) : parseReply(bytes);
  let actual: Read | "refused";
  try {
    actual = isSingle ? scannedEvent(bytes) : scannedReply(bytes);
  } catch (error) {
    if (!(error instanceof ReplyFormatError)) throw error;
    actual = "refused";
  }
  try {
    assert.deepEqual(actual, expected);
  } catch (error) {
    throw new Error(`${JSON.stringify(DECODER.decode(bytes))}\n${(error as Error).message}`);
  }
  if (actual === "refused") return "refused";
  return actual.invalid.length > 0 ? "read, with invalid events" : "read";
}

const DEPTH_MAX = 1_000_000;
/**
 * A thousand times what it takes. Where each byte costs as much as there are bytes before it, it takes longer
 * than this.
 */
const DEEP_MAX_MS = 60_000;

/** Nesting and names that a reader with a stack or a quadratic step does not survive. */
function deep(random: Random): string {
  const depth = 1 + below(random, DEPTH_MAX);
  const nest = oneOf(random, ["[", '{"a":', '[{"x":[']);
  const text = oneOf(random, [
    nest.repeat(depth),
    `{"name":"${"n".repeat(depth)}","value":1,"timestamp":1}`,
    `{"${"k".repeat(depth)}":1,"name":"a","value":1,"timestamp":1}`,
    `{"name":"a","value":${"9".repeat(depth)},"timestamp":1}`,
    `{"name":"a","value":0.${"0".repeat(depth)}1,"timestamp":1}`,
    `{"name":"a","value":1,"timestamp":1,"id":"${"\\u0041".repeat(depth)}"}`,
    `{"name":"a","value":1,"timestamp":1,"more":${"[".repeat(depth)}${"]".repeat(depth)}}`,
  ]);
  const bytes = ENCODER.encode(text);
  const startedMs = performance.now();
  try {
    scanEvent(bytes, BATCH);
  } catch (error) {
    if (!(error instanceof ReplyFormatError)) throw error;
  }
  const elapsedMs = performance.now() - startedMs;
  assert.ok(elapsedMs < DEEP_MAX_MS, `${bytes.length} bytes took ${elapsedMs} ms`);
  return "deep or long";
}

function scannedReply(bytes: Uint8Array): Read {
  const header = scanReply(bytes, BATCH);
  return { header, ...batchContent() };
}

function scannedEvent(bytes: Uint8Array): Read {
  scanEvent(bytes, BATCH);
  return { header: undefined, ...batchContent() };
}

function batchContent(): Omit<Read, "header"> {
  const text = (start: number, length: number) =>
    DECODER.decode(
      start >= 0
        ? BATCH.bytes.subarray(start, start + length)
        : BATCH.extra.subarray(~start, ~start + length),
    );
  const events = Array.from({ length: BATCH.count }, (_, i) => ({
    position: BATCH.position[i]!,
    raw: DECODER.decode(BATCH.bytes.subarray(BATCH.rawStart[i]!, BATCH.rawEnd[i]!)),
    name: text(BATCH.nameStart[i]!, BATCH.nameLength[i]!),
    aggFunc: shownFunction(BATCH.functionId[i]!),
    value: BATCH.value[i]!,
    timeMs: BATCH.timeMs[i]!,
    id: BATCH.idLength[i]! > 0 ? text(BATCH.idStart[i]!, BATCH.idLength[i]!) : undefined,
  }));
  return {
    total: BATCH.total,
    // What is kept of an event for an operator must be that event; how it is spelt is compared as JSON.
    events: events.map(({ raw, ...event }) => ({ ...event, raw: JSON.parse(raw) })),
    invalid: BATCH.invalid.map(({ index, rawStart, rawEnd }) =>
      [index, BATCH.bytes.subarray(rawStart, rawEnd).toBase64()] as const
    ),
  };
}

export function parseReply(bytes: Uint8Array): Read | "refused" {
  const reply = readReply(bytes);
  if (reply === undefined || !isRecord(reply.parsed)) return "refused";
  const { log, offset, next, events } = reply.parsed;
  if (typeof log !== "string" || log === "" || log.length > 512 || /\p{Cs}/u.test(log)) return "refused";
  if (!isOffset(offset) || !isOffset(next) || !Array.isArray(events)) return "refused";
  if (next - offset !== events.length) return "refused";
  return { header: { log, offset, next }, ...checked(reply.elements) };
}

function parseEvent(bytes: Uint8Array): Read {
  return { header: undefined, ...checked([readElement(bytes)]) };
}

/** Section 5 of the design, once more. */
function checked(elements: readonly ModelElement[]): Omit<Read, "header"> {
  const events: unknown[] = [];
  const invalid: [number, string][] = [];
  elements.forEach(({ bytes, json }, position) => {
    const event = json && eventOf(json.value, labelKeys(bytes));
    if (event === undefined) invalid.push([position, bytes.toBase64()]);
    else events.push({ position, ...event, raw: json!.value });
  });
  return { total: elements.length, events, invalid };
}

/** @param keys Of its labels, each as often as it is there. */
function eventOf(value: unknown, keys: readonly string[]): Record<string, unknown> | undefined {
  if (!isRecord(value)) return undefined;
  const { name, value: reading, timestamp, agg_func: aggFunc, id, labels, default_func: usual } = value;
  if (typeof name !== "string" || name === "" || Array.from(name).length > 512) return undefined;
  if (/[\0\p{Cs}]/u.test(name)) return undefined;
  if (typeof id === "string" && /\p{Cs}/u.test(id)) return undefined;
  if (!isFiniteNumber(reading) || !isFiniteNumber(timestamp) || timestamp < 0) return undefined;
  const canonical = aggFunc === undefined || aggFunc === null
    ? usualFunction(usual)
    : canonicalFunction(aggFunc);
  if (canonical === undefined) return undefined;
  const series = labels === undefined || labels === null ? name : seriesOf(name, labels, keys);
  if (series === undefined) return undefined;
  return {
    name: series,
    aggFunc: canonical,
    value: reading,
    timeMs: timestamp === 0 ? 0 : Math.min(Math.round(timestamp * 1000), Number.MAX_SAFE_INTEGER),
    id: typeof id === "string" && id !== "" ? boundedId(id) : undefined,
  };
}

/** A name with its labels as they stand in the key of a series. */
function seriesOf(name: string, labels: unknown, keys: readonly string[]): string | undefined {
  if (!isRecord(labels)) return undefined;
  const sorted = Object.keys(labels).sort((a, b) => Buffer.compare(ENCODER.encode(a), ENCODER.encode(b)));
  if (sorted.length > 32 || keys.length !== sorted.length) return undefined;
  const texts = sorted.flatMap((key) => [key, labels[key]]);
  if (texts.some((text) => typeof text !== "string" || /[\p{Cc}\p{Cs}]/u.test(text))) {
    return undefined;
  }
  if (ENCODER.encode(name + texts.join("")).length > 2048) return undefined;
  const pairs = sorted.map((key) => `${JSON.stringify(key)}:${JSON.stringify(labels[key])}`);
  return pairs.length === 0 ? name : `${name}\0{${pairs.join(",")}}`;
}

function canonicalFunction(aggFunc: unknown): string | undefined {
  if (typeof aggFunc !== "string") return undefined;
  if (/^(sum|avg|min|max|count|first|last|stddev)$/.test(aggFunc)) return aggFunc;
  const percent = /^p([0-9]{1,3}(\.[0-9]{1,4})?)$/.exec(aggFunc)?.[1];
  return percent !== undefined && Number(percent) <= 100 ? `p${Number(percent)}` : undefined;
}

/** What a `default_func` says; one that is no function says nothing. */
function usualFunction(usual: unknown): string {
  const canonical = canonicalFunction(usual);
  return canonical === undefined ? "none" : `usually ${canonical}`;
}

function shownFunction(id: number): string {
  return id === UNNAMED ? "none" : id < UNNAMED ? `usually ${functionName(usualOf(id))}` : functionName(id);
}

function boundedId(id: string): string {
  return ENCODER.encode(id).length > 256 ? createHash("sha256").update(id).digest("hex") : id;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isFiniteNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function isOffset(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** A reply as a bus might mean it, with odd events, white space and fields. */
export function replyText(random: Random): string {
  const events = Array.from({ length: below(random, 6) }, () => eventText(random));
  const offset = oneOf(random, [0, 1, 7, 1e6, 2 ** 53 - 20, below(random, 1e9)]);
  const next = chance(random, 0.9)
    ? offset + events.length
    : oneOf(random, [0, -1, offset + 9, 2 ** 53, 1.5]);
  const gap = () => oneOf(random, ["", "", "", " ", "\n\t "]);
  const fields = [
    `"log":${gap()}${chance(random, 0.9) ? '"a-log"' : JSON.stringify(oddText(random, 8))}`,
    `"offset":${offset}`,
    `"next":${gap()}${next}`,
    `"events":${gap()}[${gap()}${events.join(gap() + "," + gap())}${gap()}]`,
  ];
  if (chance(random, 0.1)) fields.push(oneOf(random, fields));
  if (chance(random, 0.1)) fields.splice(below(random, 4), 1);
  if (chance(random, 0.2)) fields.push(`"more":${valueText(random)}`);
  if (chance(random, 0.2)) shuffle(random, fields);
  return `${gap()}{${gap()}${fields.join(`${gap()},${gap()}`)}${gap()}}${gap()}`;
}

export function eventText(random: Random): string {
  if (chance(random, 0.05)) return valueText(random);
  const gap = () => oneOf(random, ["", "", "", "", " ", "  ", "\n"]);
  const key = (name: string) =>
    chance(random, 0.95)
      ? `"${name}"`
      : `"${name.replace(/^./, (c) => `\\u00${c.charCodeAt(0).toString(16)}`)}"`;
  const fields = [
    `${key("name")}${gap()}:${gap()}${nameText(random)}`,
    `${key("value")}:${gap()}${numberText(random)}`,
    `${key("timestamp")}:${gap()}${
      chance(random, 0.5) ? (1.7e9 + random() * 1e7).toFixed(below(random, 5)) : numberText(random)
    }`,
  ];
  if (chance(random, 0.4)) fields.push(`${key("agg_func")}:${functionText(random)}`);
  if (chance(random, 0.3)) fields.push(`${key("default_func")}:${functionText(random)}`);
  if (chance(random, 0.4)) fields.push(`${key("id")}:${nameText(random)}`);
  if (chance(random, 0.4)) fields.push(`${key("labels")}:${gap()}${labelsText(random, gap)}`);
  if (chance(random, 0.1)) fields.push(`${JSON.stringify(oddText(random, 4))}:${valueText(random)}`);
  if (chance(random, 0.1)) fields.push(oneOf(random, fields));
  if (chance(random, 0.1)) {
    fields.push(`"${oneOf(random, ["name", "value", "id", "labels"])}":${valueText(random)}`);
  }
  if (chance(random, 0.1)) fields.splice(below(random, fields.length), 1);
  if (chance(random, 0.3)) shuffle(random, fields);
  const text = `{${gap()}${fields.join(`${gap()},${gap()}`)}${gap()}}`;
  return chance(random, 0.05) ? notJson(random, text) : text;
}

function labelsText(random: Random, gap: () => string): string {
  const text = () =>
    chance(random, 0.7) ? `"${oneOf(random, ["site", "line", "", "a", "b"])}"` : nameText(random);
  const value = () => chance(random, 0.95) ? text() : valueText(random);
  const count = chance(random, 0.95) ? below(random, 5) : 30 + below(random, 5);
  const key = (i: number) => count > 5 ? `"k${i}"` : text();
  const pairs = Array.from({ length: count }, (_, i) => `${key(i)}${gap()}:${gap()}${value()}`);
  return `{${gap()}${pairs.join(`${gap()},${gap()}`)}${gap()}}`;
}

/** What writers of JSON by hand have made of an event. */
function notJson(random: Random, text: string): string {
  return oneOf<() => string>(random, [
    () => text.replaceAll('"', "'"),
    () => text.replace(/"(\w+)"\s*:/g, "$1:"),
    () => text.replace(/}$/, ",}"),
    () =>
      text.replace(/:[^,}]*/, `:${oneOf(random, ["NaN", "-Infinity", "1.", "+1", ".5", "01", "", "None"])}`),
    () => text.replace(/,/, "/* and */,"),
    () => text.replace(/}$/, "]"),
    () => text.replace(/}$/, ""),
    () => `${text}${oneOf(random, [";", "}", " x", text])}`,
    () => text.replace(/"/, '"\u0001'),
  ])();
}

function nameText(random: Random): string {
  switch (below(random, 6)) {
    case 0:
      return JSON.stringify(oddText(random, 10));
    case 1:
      return `"${"n".repeat(oneOf(random, [0, 1, 255, 256, 257, 511, 512, 513]))}"`;
    case 2:
      return JSON.stringify(
        oneOf(random, ["é", "🏭", "\ud83d", "\u0000"]).repeat(oneOf(random, [1, 85, 86, 128, 512, 513])),
      );
    case 3:
      return chance(random, 0.2) ? valueText(random) : `"\\u00e9\\/\\b\\ud83c\\udfed"`;
    default:
      return `"plant.line${below(random, 10)}.sensor"`;
  }
}

function functionText(random: Random): string {
  return chance(random, 0.1) ? valueText(random) : JSON.stringify(oneOf(random, FUNCTIONS));
}

// deno-fmt-ignore
const FUNCTIONS = [
  "sum", "avg", "min", "max", "count", "first", "last", "stddev", "p50", "p99", "p99.9", "p0", "p100", "p050", "p50.0",
  "p100.0001", "p101", "p", "p-1", "p1e1", "p99.99999", "p.5", "SUM", "sum ", "", "median", "constructor", "p 5",
];

export function numberText(random: Random): string {
  switch (below(random, 8)) {
    case 0:
      return oneOf(random, ODD_NUMBERS);
    case 1:
      return `${chance(random, 0.5) ? "-" : ""}${digits(random, 25)}.${digits(random, 30)}`;
    case 2:
      return `${digits(random, 20)}e${oneOf(random, ["", "+", "-"])}${below(random, 330)}`;
    case 3:
      return `${new Float64Array(Uint32Array.of(random() * 2 ** 32, random() * 2 ** 32).buffer)[0]}`;
    case 4:
      return `${(random() * 2 - 1) * 10 ** (below(random, 40) - 20)}`;
    default:
      return `${(random() * 2000 - 1000).toFixed(below(random, 6))}`;
  }
}

function digits(random: Random, maxLength: number): string {
  return Array.from({ length: 1 + below(random, maxLength) }, () => below(random, 10)).join("");
}

// deno-fmt-ignore
const ODD_NUMBERS = [
  "0", "-0", "0.0", "-0.0", "00", "01", "-", "+1", "1.", ".5", "1.e1", "1e", "1e+", "1E5", "1e-5", "1e400", "-1e400", "1e-400",
  "5e-324", "2.2250738585072011e-308", "1.7976931348623157e308", "1.7976931348623159e308", "9007199254740991",
  "9007199254740992", "9007199254740993", "0.1", "0.30000000000000004", "123456789012345678901234567890", "4.35", "1.005",
  "0.000000000000000000000000000001", "9007199254740993.5", "253402300800", "8640000000000", "9007199254740.991", "NaN",
  "Infinity", "0x1", "1_000", "1,5", "null", "-1", "1760000000.0005", "1760000000.1234567890123456789",
];

function valueText(random: Random, depth = 0): string {
  switch (below(random, depth > 3 ? 5 : 7)) {
    case 0:
      return "null";
    case 1:
      return oneOf(random, ["true", "false"]);
    case 2:
      return numberText(random);
    case 3:
      return JSON.stringify(oddText(random, 6));
    case 4:
      return '"}],{[\\"\\\\"';
    case 5:
      return `[${Array.from({ length: below(random, 4) }, () => valueText(random, depth + 1)).join(",")}]`;
    default:
      return `{${
        Array.from(
          { length: below(random, 3) },
          () => `${JSON.stringify(oddText(random, 3))}:${valueText(random, depth + 1)}`,
        ).join(",")
      }}`;
  }
}
