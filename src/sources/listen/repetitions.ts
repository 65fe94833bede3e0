import { BodyError } from "../../platform/http/body.ts";
import type { KeyedAnswer } from "./answer_store.ts";
import type { Answer } from "./decoder.ts";
import type { Inbox } from "./inbox.ts";

/** Requests of this life that were answered, which are remembered. */
const ANSWERED_MAX = 20_000;
/** Senders wait for their answers at least so long: Telegraf for five seconds. */
const PATIENCE_MS = 1000;

/** A request that may be one that was sent before. */
export interface RepeatableRequest extends Omit<KeyedAnswer, "answer"> {
  /** Whether no other request can say the same, so that it is the earlier one, whatever became of that. */
  readonly isCertain: boolean;
}

/** A request that is being answered, and the digest of its body. */
interface InFlight {
  readonly digest: string;
  readonly answer: Promise<Answer>;
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
  /** Those that were answered while their senders waited, the latest last. */
  private readonly answered = new Set<string>();

  constructor(private readonly inbox: Pick<Inbox, "answerFor">, private readonly nowMs: () => number) {}

  /**
   * The answer of the earlier request, else what `keep` answers.
   *
   * @param arrivedMs When the request came. Wall clock, Unix ms.
   * @throws {BodyError} The earlier request with this key was another one.
   */
  async once(
    request: RepeatableRequest,
    arrivedMs: number,
    keep: () => Promise<Answer>,
  ): Promise<Answer> {
    const name = nameOf(request);
    const { digest, isCertain } = request;
    const earlier = this.earlierThan(request);
    if (earlier !== undefined && earlier.digest !== digest) {
      throw new BodyError(422, "idempotency-key was that of another request; each needs its own");
    }
    const own = earlier === undefined ? { digest, answer: keep(), arrivedMs } : undefined;
    if (own !== undefined) this.inFlight.set(name, own);
    try {
      const answer = await (earlier ?? own!).answer;
      if (!isCertain && this.isAwaited(arrivedMs)) this.noteAnswered(name);
      return answer;
    } finally {
      if (this.inFlight.get(name) === own) this.inFlight.delete(name);
    }
  }

  private earlierThan(
    request: RepeatableRequest,
  ): { readonly digest: string; readonly answer: Answer | Promise<Answer> } | undefined {
    const name = nameOf(request);
    const inFlight = this.inFlight.get(name);
    if (request.isCertain) return inFlight ?? this.inbox.answerFor(request.mark, request.key);
    if (inFlight !== undefined) return this.isAwaited(inFlight.arrivedMs) ? undefined : inFlight;
    return this.answered.has(name) ? undefined : this.inbox.answerFor(request.mark, request.key);
  }

  /** Whether the sender of a request surely still waits for its answer. */
  private isAwaited(arrivedMs: number): boolean {
    return this.nowMs() - arrivedMs < PATIENCE_MS;
  }

  private noteAnswered(name: string): void {
    this.answered.delete(name);
    this.answered.add(name);
    if (this.answered.size <= ANSWERED_MAX) return;
    const [oldest] = this.answered;
    this.answered.delete(oldest!);
  }
}

function nameOf({ mark, key }: RepeatableRequest): string {
  return `${mark} ${key}`;
}
