import type { Logger } from "../platform/log/logger.ts";
import type { Checkpoint } from "../state/checkpoint/checkpoint.ts";
import type { SettledRequests } from "../state/checkpoint/checkpoint_input.ts";
import type { DeadLetter } from "../state/letters/dead_letters.ts";
import { type Intake, REFUSED_MAX_BYTES } from "./intake.ts";

/**
 * Dead letters from which on a checkpoint takes no further request. A request has about as many at most. They
 * take some 60 ms: an event is aggregated, and perhaps refused, again, and an aggregate becomes a segment of
 * its own. Everything else waits meanwhile.
 */
const SETTLED_MAX = 1000;

const NOTHING_SETTLED: SettledRequests = {
  requests: [],
  retried: [],
  refusedAgain: [],
  purged: [],
  reissued: [],
};

/**
 * Fulfils operators' requests to retry or purge dead letters, in the same checkpoint that removes the
 * requests.
 */
export class DeadLetterRequests {
  /** Number of dead letters settled since the start. */
  readonly fulfilled = { retried: 0, purged: 0 };
  private current = NOTHING_SETTLED;
  private areLeft = false;

  constructor(
    private readonly checkpoint: Checkpoint,
    private readonly intake: Intake,
    private readonly logger: Logger,
  ) {}

  /** The dead letters and requests that the next checkpoint settles. */
  get settled(): SettledRequests {
    return this.current;
  }

  get areSettled(): boolean {
    return this.current === NOTHING_SETTLED;
  }

  /** Whether the last checkpoint has left requests to the next ones. */
  get areWaiting(): boolean {
    return this.areLeft;
  }

  /**
   * Tells that the checkpoint is committed.
   *
   * @param reissued How many of the aggregates to be sent again were settled.
   */
  committed(reissued: number): void {
    this.fulfilled.retried += this.current.retried.length + reissued;
    this.fulfilled.purged += this.current.purged.length;
    this.current = NOTHING_SETTLED;
  }

  /**
   * Takes operators' requests in. Many of them are spread over several checkpoints.
   *
   * @throws {StateError}
   */
  take(): void {
    if (!this.areSettled) return;
    const requests = this.checkpoint.requests();
    this.areLeft = false;
    if (requests.length === 0) return;
    const settled = {
      requests: [] as number[],
      retried: [] as number[],
      refusedAgain: [] as number[],
      purged: [] as number[],
      reissued: [] as DeadLetter[],
    };
    const taken = new Set<number>();
    let takenBytes = 0;
    for (const { id: request, action, deadLetterIds } of requests) {
      if (taken.size >= SETTLED_MAX || takenBytes >= REFUSED_MAX_BYTES) {
        this.areLeft = true;
        break;
      }
      // The first request for a dead letter counts: an event that is asked for twice is still one event.
      const ids = [...new Set(deadLetterIds)].filter((id) => !taken.has(id));
      // Where this fails, the events of earlier requests are settled all the same, so they are not taken in
      // twice.
      const deadLetters = action === "retry" ? this.checkpoint.deadLetters(ids) : [];
      this.current = settled;
      settled.requests.push(request);
      for (const id of ids) taken.add(id);
      if (action === "purge") settled.purged = settled.purged.concat(ids);
      for (const deadLetter of deadLetters) {
        takenBytes += deadLetter.raw?.length ?? 0;
        const refusedBefore = this.intake.refused.length;
        if (this.intake.retry(deadLetter)) {
          settled.retried.push(deadLetter.id);
          if (this.intake.refused.length > refusedBefore) settled.refusedAgain.push(deadLetter.id);
        } else if (deadLetter.sink !== undefined && deadLetter.aggregate !== undefined) {
          settled.reissued.push(deadLetter);
        }
      }
    }
    this.logger.info("dead letters: an operator's request is fulfilled", {
      retried: settled.retried.length + settled.reissued.length,
      refused_again: settled.refusedAgain.length,
      purged: settled.purged.length,
    });
  }
}
