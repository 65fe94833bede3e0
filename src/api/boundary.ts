import * as z from "zod";
import { readBounded } from "../platform/http/bounded_bytes.ts";
import { ApiError } from "./api_error.ts";

/** Orders are short; the largest lists some thousand ids. */
const BODY_MAX_BYTES = 64 * 1024;
/** A body that takes longer is given up, so that clients cannot pile up. */
const BODY_MAX_MS = 10_000;
const MESSAGES_MAX = 5;

/** The parameters of a request as its endpoint declares them. @throws {ApiError} 400 */
export function checkedQuery<T>(request: Request, schema: z.ZodType<T>): T {
  const given: Record<string, string> = Object.create(null);
  for (const [name, text] of new URLSearchParams(/\?([^#]*)/.exec(request.url)?.[1] ?? "")) {
    if (name in given) throw wrong(`the parameter ${shown(name)} is there twice`);
    given[name] = text;
  }
  return checked({ ...given }, schema, "parameter");
}

/**
 * The JSON body of a request as its endpoint declares it. None at all is an empty object.
 *
 * @throws {ApiError} 400, 408, 413 or 415
 */
export async function checkedBody<T>(request: Request, schema: z.ZodType<T>): Promise<T> {
  const type = request.headers.get("content-type") ?? "";
  if (type === "" && (await bodyOf(request)).length === 0) return checked({}, schema, "field");
  // A page of another site can send other types without asking first.
  if (!/^application\/json\s*(;|$)/i.test(type.trim())) {
    throw new ApiError(415, "unsupported_media_type", "send JSON with content-type: application/json");
  }
  if ((request.headers.get("content-encoding") ?? "identity").toLowerCase() !== "identity") {
    throw new ApiError(415, "unsupported_media_type", "send the body without a content-encoding");
  }
  const body = await bodyOf(request);
  return checked(body.length === 0 ? {} : jsonOf(body), schema, "field");
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw wrong("the body is not JSON in UTF-8");
  }
}

async function bodyOf(request: Request): Promise<Uint8Array> {
  if (request.body === null) return new Uint8Array();
  let isLate = false;
  const reader = request.body.getReader();
  const timer = setTimeout(() => {
    isLate = true;
    reader.cancel().catch(() => {});
  }, BODY_MAX_MS);
  try {
    const bytes = await readBounded(piecesOf(reader), BODY_MAX_BYTES);
    if (isLate) throw new ApiError(408, "timeout", `the body did not end within ${BODY_MAX_MS / 1000} s`);
    if (bytes !== undefined) return bytes;
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw wrong("the body was cut off");
  } finally {
    clearTimeout(timer);
    reader.cancel().catch(() => {});
  }
  throw new ApiError(413, "too_large", `the body may have ${BODY_MAX_BYTES / 1024} KiB at most`);
}

async function* piecesOf(reader: ReadableStreamDefaultReader<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) yield piece.value;
}

function checked<T>(value: unknown, schema: z.ZodType<T>, noun: string): T {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const messages = error.issues.slice(0, MESSAGES_MAX).map((issue) => inWords(issue, schema, noun));
  const more = error.issues.length - messages.length;
  throw wrong(messages.join("; ") + (more > 0 ? `; and ${more} more` : ""));
}

function inWords(issue: z.core.$ZodIssue, schema: z.ZodType, noun: string): string {
  const { code, path, message } = issue;
  if (code === "unrecognized_keys" && path.length === 0) {
    const known = schema instanceof z.ZodObject ? Object.keys(schema.shape).join(", ") : "";
    return `there is no ${noun} ${issue.keys.slice(0, MESSAGES_MAX).map(shown).join(", ")}; ` +
      (known === "" ? `no ${noun} is taken` : `there are: ${known}`);
  }
  if (path.length === 0) return message;
  const isMissing = code === "invalid_type" && message.endsWith("received undefined");
  const said = code === "invalid_value"
    ? `is not understood. Allowed: ${issue.values.join(", ")}`
    : isMissing
    ? "is missing"
    : code === "invalid_type"
    ? `has to be of the type ${issue.expected}`
    : message;
  return `${noun} ${shown(path.join("."))}: ${said}`;
}

function wrong(message: string): ApiError {
  return new ApiError(400, "bad_request", message);
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 100));
}
