import { readBounded } from "../bounded_bytes.ts";

/** A request body that cannot be taken. */
export class BodyError extends Error {
  override readonly name = "BodyError";

  constructor(readonly status: 400 | 413 | 415, message: string) {
    super(message);
  }
}

const MAX_BYTES = 64 * 1024 * 1024;

/** The body of a request, inflated where it was compressed, and bounded either way. @throws {BodyError} */
export async function readBody(request: Request): Promise<Uint8Array> {
  const encoding = request.headers.get("content-encoding")?.toLowerCase() ?? "identity";
  if (!/^(identity|(x-)?gzip)$/.test(encoding)) {
    throw new BodyError(415, `content-encoding ${encoding.slice(0, 40)} is not known; gzip is`);
  }
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BYTES) throw tooLarge();
  if (request.body === null) return new Uint8Array();
  const stream = encoding === "identity"
    ? request.body
    : request.body.pipeThrough(new DecompressionStream("gzip"));
  let body: Uint8Array | undefined;
  try {
    body = await readBounded(stream, MAX_BYTES);
  } catch {
    throw new BodyError(400, "the body was cut off, or is not what content-encoding says");
  }
  if (body === undefined) throw tooLarge();
  return body;
}

function tooLarge(): BodyError {
  return new BodyError(413, `the body may have ${MAX_BYTES / 1024 / 1024} MiB at most, inflated`);
}
