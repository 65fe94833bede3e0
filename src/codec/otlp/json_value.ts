import { LateMessages } from "../protobuf/message_schema.ts";
import { PushError } from "../push_error.ts";

/** JSON is parsed in one go, which holds everything else up, and takes several times its size. */
const BODY_MAX_BYTES = 16 * 1024 * 1024;
/** Brackets and commas of a body at most: each stands for something that takes memory. */
const MARKS_MAX = 3_000_000;
const DECODER = new TextDecoder("utf-8", { fatal: true });
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;

/** A body of JSON. @throws {PushError} */
export function jsonIn(body: Uint8Array): unknown {
  assertFew(body);
  let text: string;
  try {
    text = DECODER.decode(body);
  } catch {
    throw new PushError(400, "the body is not UTF-8");
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new PushError(400, `the body is not JSON: ${(error as Error).message.slice(0, 200)}`);
  }
}

function assertFew(body: Uint8Array): void {
  if (body.length > BODY_MAX_BYTES) {
    throw new PushError(
      413,
      `a body of JSON may have ${
        BODY_MAX_BYTES / 1024 / 1024
      } MiB at most; send several requests, or protobuf`,
    );
  }
  let marks = 0;
  let isText = false;
  for (let at = 0; at < body.length; at++) {
    const byte = body[at]!;
    if (byte === QUOTE) isText = !isText;
    else if (isText) at += byte === BACKSLASH ? 1 : 0;
    else if (byte === COMMA || byte === OPEN_BRACKET || byte === OPEN_BRACE) marks++;
  }
  if (marks > MARKS_MAX) {
    throw new PushError(413, `the body has more than ${MARKS_MAX} parts; send several requests`);
  }
}

export type JsonObject = Readonly<Record<string, unknown>>;

/** Something that may be left out, or null, which is the same; anything else is not what it should be. */
export function objectIn(value: unknown, name: string): JsonObject {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw new PushError(400, `${name} is not an object`);
  return value as JsonObject;
}

/** Items that are read one after the other. */
export function itemsIn(value: unknown, name: string): Iterable<unknown> {
  return value instanceof LateMessages ? value : listIn(value, name);
}

export function listIn(value: unknown, name: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new PushError(400, `${name} is not an array`);
  return value;
}

/** A number, or one in quotes, as protobuf's JSON has those of 64 bits and `NaN`. Left out, it is 0. */
export function numberIn(value: unknown, name: string): number {
  if (value === undefined || value === null) return 0;
  if (typeof value === "number") return value;
  if (typeof value === "string") {
    if (value === "NaN") return NaN;
    if (/^-?(?:Infinity|\d{1,400}(?:\.\d{1,400})?(?:[eE][+-]?\d{1,3})?)$/.test(value)) return Number(value);
  }
  throw new PushError(400, `${name} is not a number`);
}

export function textIn(value: unknown, name: string): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") throw new PushError(400, `${name} is not a text`);
  return value;
}
