import { createHash } from "node:crypto";
import type { Steps } from "../../platform/clock/steps.ts";

const NEWLINE = 0x0a;
/** Bytes that one step reads. */
const STEP_BYTES = 1024 * 1024;

/** The digest of all that a request with so much of a body says. */
export interface BodyDigest {
  readonly bodyBytes: number;
  readonly digest: string;
}

/**
 * The digests of requests with the beginnings of a body, and at last the one with all of it.
 *
 * @param lengths Bytes of the beginnings, ascending. Those at which no line ends are left out.
 */
export function* digestsOf(
  { pathname, search }: URL,
  body: Uint8Array,
  lengths: readonly number[],
): Steps<BodyDigest[]> {
  const hash = createHash("sha256").update(`${pathname}${search}\n`);
  const digests: BodyDigest[] = [];
  let at = 0;
  const ends = lengths.filter((length) => body[length - 1] === NEWLINE || body[length] === NEWLINE);
  for (const bodyBytes of [...ends, body.length]) {
    while (at < bodyBytes) {
      if (at > 0 && at % STEP_BYTES === 0) yield 0;
      const end = Math.min(bodyBytes, at - at % STEP_BYTES + STEP_BYTES);
      hash.update(body.subarray(at, end));
      at = end;
    }
    digests.push({ bodyBytes, digest: hash.copy().digest("hex") });
  }
  return digests;
}
