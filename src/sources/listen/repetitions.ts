import { BodyError } from "../../platform/http/body.ts";
import { contentsKey, type KeyedAnswer } from "./answer_store.ts";
import type { Answer } from "./decoder.ts";
import type { Inbox } from "./inbox.ts";
import type { BodyDigest } from "./request_digest.ts";

/** Requests of this life that were answered in time, which are remembered. */
const ANSWERED_MAX = 20_000;
/** Lengths of bodies whose senders may not have been answered: the latest, and for a time. */
const [LENGTHS_MAX, LENGTHS_MAX_MS] = [1000, 600_000];
/** Senders wait for their answers at least so long: Telegraf for five seconds. */
const PATIENCE_MS = 1000;

/** A request that may be one that was sent before. */
export interface RepeatableRequest extends Omit<KeyedAnswer, "answer"> {
  /** Whether no other request can say the same, so that it is the earlier one, whatever became of that. */
  readonly isCertain: boolean;
  /** Bytes of its body. */
  readonly bodyBytes: number;
  /** The key of the request whose lines come first in it, and were kept; left out: there is none. */
  readonly continues?: string | undefined;
}

/** A request that is being answered, and the digest of its body. */
interface InFlight {
  readonly digest: string;
  readonly answer: Promise<Answer>;
  readonly bodyBytes: number;
  /** Wall clock, Unix ms. */
  readonly arrivedMs: number;
}

/**
 * Finds the request that another one repeats. Where two senders may mean two things by the same words, a
 * request repeats an earlier one only if the answer to that one may not have arrived: it took so long that
 * the sender may have gone, or the process has died since.
 */
export class Repetitions {
  private readonly inFlight = new Map<string, InFlight>();
  /** Those that were answered while their senders waited, the latest last, and when. Wall clock, Unix ms. */
  private readonly answered = new Map<string, number>();
  /** Bytes of the bodies of the others, the latest last, and when they came. Wall clock, Unix ms. */
  private readonly doubtfulLengths: Map<number, number>;
  /** The same, ascending; undefined: not sorted since the last change. */
  private sortedLengths: readonly number[] | undefined;

  constructor(
    private readonly inbox: Pick<Inbox, "answerFor" | "latestBodyLengths">,
    private readonly nowMs: () => number,
  ) {
    const startedMs = nowMs();
    const lengths = inbox.latestBodyLengths(LENGTHS_MAX).toReversed();
    this.doubtfulLengths = new Map(lengths.map((length) => [length, startedMs]));
  }

  /** How long the bodies are that a body of so many bytes may begin with: ascending. */
  beginningsOf(bodyBytes: number): readonly number[] {
    for (const one of this.inFlight.values()) {
      if (!this.isAwaited(one.arrivedMs)) this.noteDoubtful(one.bodyBytes);
    }
    for (const [length, notedMs] of this.doubtfulLengths) {
      if (this.nowMs() - notedMs < LENGTHS_MAX_MS) break;
      this.doubtfulLengths.delete(length);
      this.sortedLengths = undefined;
    }
    const sorted = this.sortedLengths ??= [...this.doubtfulLengths.keys()].sort((a, b) => a - b);
    const end = sorted.findIndex((length) => length >= bodyBytes);
    return end < 0 ? sorted : sorted.slice(0, end);
  }

  /**
   * The longest beginning of a body that was kept as a request of its own, whose sender may not know it.
   * Undefined: there is none, or all of the body was kept.
   *
   * @param ascending The beginnings by their lengths, and at last all of the body.
   */
  async keptBeginning(ascending: readonly BodyDigest[]): Promise<BodyDigest | undefined> {
    for (const one of ascending.toReversed()) {
      if (await this.wasKept(one)) return one === ascending.at(-1) ? undefined : one;
    }
    return undefined;
  }

  /**
   * The answer of the earlier request, else what `keep` answers. It is told whether the request may repeat
   * one that was answered in time, all the same: the answer may have been lost on its way.
   *
   * @param arrivedMs When the request came, at the earliest. Wall clock, Unix ms.
   * @throws {BodyError} The earlier request with this key was another one.
   */
  async once(
    request: RepeatableRequest,
    arrivedMs: number,
    keep: (mayBeRepeated: boolean) => Promise<Answer>,
  ): Promise<Answer> {
    const name = nameOf(request);
    const { bodyBytes, continues, digest, isCertain, mark } = request;
    const earlier = this.earlierThan(request);
    if (earlier !== undefined && earlier.digest !== digest) {
      throw new BodyError(422, "idempotency-key was that of another request; each needs its own");
    }
    const own = earlier === undefined
      ? { digest, answer: keep(this.mayRepeat(name)), arrivedMs, bodyBytes }
      : undefined;
    if (own !== undefined) this.inFlight.set(name, own);
    try {
      const answer = await (earlier ?? own!).answer;
      if (!isCertain && this.isAwaited(arrivedMs)) {
        this.noteAnswered(name);
        if (continues !== undefined) this.noteAnswered(nameOf({ mark, key: continues }));
      } else if (!isCertain) this.noteDoubtful(bodyBytes);
      return answer;
    } finally {
      if (this.inFlight.get(name) === own) this.inFlight.delete(name);
    }
  }

  private earlierThan(
    request: Pick<RepeatableRequest, "mark" | "key" | "isCertain">,
  ): { readonly digest: string; readonly answer: Answer | Promise<Answer> } | undefined {
    const name = nameOf(request);
    const inFlight = this.inFlight.get(name);
    if (request.isCertain) return inFlight ?? this.inbox.answerFor(request.mark, request.key);
    if (inFlight !== undefined) return this.isAwaited(inFlight.arrivedMs) ? undefined : inFlight;
    return this.answered.has(name) ? undefined : this.inbox.answerFor(request.mark, request.key);
  }

  private async wasKept(contents: BodyDigest): Promise<boolean> {
    const earlier = this.earlierThan({ mark: "contents", key: contentsKey(contents), isCertain: false });
    try {
      return await earlier?.answer !== undefined;
    } catch {
      return false;
    }
  }

  /**
   * Whether the sender of an answered request may be the one that comes again. Devices that mean two values
   * by the same words say them within a second.
   */
  private mayRepeat(name: string): boolean {
    const answeredMs = this.answered.get(name);
    return answeredMs !== undefined && !this.isAwaited(answeredMs);
  }

  private noteAnswered(name: string): void {
    this.answered.delete(name);
    this.answered.set(name, this.nowMs());
    forgetOldest(this.answered, ANSWERED_MAX);
  }

  private noteDoubtful(bodyBytes: number): void {
    if (!this.doubtfulLengths.delete(bodyBytes)) this.sortedLengths = undefined;
    this.doubtfulLengths.set(bodyBytes, this.nowMs());
    forgetOldest(this.doubtfulLengths, LENGTHS_MAX);
  }

  /** Whether the sender of a request surely still waits for its answer. */
  private isAwaited(arrivedMs: number): boolean {
    return this.nowMs() - arrivedMs < PATIENCE_MS;
  }
}

function nameOf({ mark, key }: Pick<RepeatableRequest, "mark" | "key">): string {
  return `${mark} ${key}`;
}

/** @param latestLast Of which so many are kept. */
function forgetOldest<T>(latestLast: Map<T, unknown>, max: number): void {
  if (latestLast.size <= max) return;
  const [oldest] = latestLast.keys();
  latestLast.delete(oldest!);
}
