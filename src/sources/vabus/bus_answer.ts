import { readBounded } from "../../platform/http/bounded_bytes.ts";

const RETRY_AFTER_MAX_MS = 3600_000;
/** Content types that no bus sends. An HTML page mostly comes from a proxy or a login. */
const STRAY_TYPE = /html|xml|^(?:image|audio|video|font|multipart)\/|event-stream|pdf|css|javascript/i;

/** What the answer is instead of a bus's reply; undefined: it may be a bus's reply. */
export function strayForm(headers: Headers): string | undefined {
  const type = (headers.get("content-type") ?? "").split(";")[0]!.trim().slice(0, 100);
  if (STRAY_TYPE.test(type)) return /html/i.test(type) ? `a page, ${type}` : `the type ${type}`;
  const encoding = (headers.get("content-encoding") ?? "identity").trim().slice(0, 100);
  return /^(?:identity|(?:x-)?gzip)?$/i.test(encoding)
    ? undefined
    : `the encoding ${encoding}, which was not asked for`;
}

/** The body; undefined: it is too large. */
export async function readBody(response: Response, maxBytes: number): Promise<Uint8Array | undefined> {
  const { headers } = response;
  // A body in chunks is as long as these are, whatever length is told beside it.
  const length = headers.has("transfer-encoding") ? NaN : Number(headers.get("content-length") ?? NaN);
  const encoding = headers.get("content-encoding") ?? "identity";
  if (encoding === "identity" && length <= maxBytes) return await response.bytes();
  return await readBounded(decoded(response, encoding), maxBytes);
}

async function* decoded({ body }: Response, encoding: string): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  // Since the request names the accepted encodings, the runtime does not decode the body.
  yield* /^(x-)?gzip$/i.test(encoding) ? body.pipeThrough(new DecompressionStream("gzip")) : body;
}

/** The bus's own `{"error"}`, if there is one, as text for a log line. */
export function explanation(body: Uint8Array): string {
  try {
    const { error } = JSON.parse(new TextDecoder().decode(body.subarray(0, 4096)));
    return typeof error === "string" ? ` (${error.slice(0, 200).replace(/\p{Cc}/gu, " ")})` : "";
  } catch {
    return "";
  }
}

/** The time that the bus tells, Unix ms; undefined: it does not tell. */
export function dateOf(headers: Headers): number | undefined {
  const ms = Date.parse(headers.get("date") ?? "");
  return Number.isNaN(ms) ? undefined : ms;
}

/** `Retry-After` as milliseconds, from seconds or a date; undefined where it is missing or invalid. */
export function retryAfterMs(headers: Headers): number | undefined {
  const text = headers.get("retry-after")?.trim();
  if (!text) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return ms >= 0 ? Math.min(ms, RETRY_AFTER_MAX_MS) : undefined;
}
