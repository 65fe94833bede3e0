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

/** The digests of a request. They are taken once, and must be before its body is changed. */
export class RequestDigests {
  private taken: readonly BodyDigest[] | undefined;

  /** @param beginnings Bytes of those beginnings of the body that are looked for, ascending. */
  constructor(
    private readonly url: URL,
    private readonly body: Uint8Array,
    private readonly beginnings: readonly number[],
  ) {}

  /** Those with each beginning at which a line ends, and at last the one with all of the body. */
  *all(): Steps<readonly BodyDigest[]> {
    return this.taken ??= yield* digestsOf(this.url, this.body, this.beginnings);
  }

  /** The one with all of the body. */
  *whole(): Steps<string> {
    return (yield* this.all()).at(-1)!.digest;
  }
}

function* digestsOf(
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
