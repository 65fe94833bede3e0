import { addToBookEntry } from "../checkpoint/book_entries.ts";
import type { CheckpointInput } from "../checkpoint/checkpoint_input.ts";
import type { Closed } from "../checkpoint/closed.ts";
import type { WindowCloser } from "../checkpoint/window_closer.ts";
import type { StateDatabase } from "../file/state_database.ts";
import { ArchivedWindow } from "../outbox/archive.ts";
import { droppedEntry } from "../outbox/losses.ts";
import type { SinkRegistry } from "../outbox/sink_registry.ts";
import { hasRequests, type RefusedEvent, settleRequests } from "./dead_letters.ts";
import {
  type DeadLetterBound,
  type DeadLetterVolume,
  dropOldestDeadLetters,
  measureDeadLetters,
} from "./dead_letter_bound.ts";

/** Dead letters that one checkpoint drops at most, beyond the number that it adds. */
const DROPPED_DEAD_LETTERS = 20_000;

/** The results of operators' requests. */
export interface Settled {
  /** Dead letters of aggregates that are settled. */
  readonly reissued: number;
  /** What no longer counts for the bound. */
  readonly freed: Omit<DeadLetterVolume, "goneId">;
}

/** The kept dead letters within the bound, and the number that was dropped. */
export interface Dropped {
  readonly deadLetters: DeadLetterVolume;
  readonly dropped: number;
}

/** Settles dead letters by operators' requests, and keeps the others within their bound. */
export class DeadLetterKeeper {
  private kept: DeadLetterVolume = { deadLetters: 0, bytes: 0, goneId: 0 };

  constructor(
    private readonly state: StateDatabase,
    private readonly registry: SinkRegistry,
    private readonly closer: WindowCloser,
    private readonly bound: DeadLetterBound,
  ) {}

  /** Counts what the state holds. */
  restore(): void {
    this.kept = { ...measureDeadLetters(this.state), goneId: 0 };
  }

  /**
   * Fulfils operators' requests, within the transaction of the caller. Returns how many dead letters of
   * aggregates are settled, and what no longer counts for the bound.
   */
  settle({ settled, nowMs }: CheckpointInput, closed: Closed): Settled {
    const retried = [...settled.retried];
    const purged = [...settled.purged];
    let archived: ArchivedWindow | undefined;
    for (const { id, sink, aggregate } of settled.reissued) {
      if (!this.registry.sinks.some(({ id }) => id === sink)) continue;
      const { windowStartMs, windowEndMs } = aggregate!;
      // Dead letters of one window nearly always follow each other, so its segments are read once.
      if (!archived?.isOf(windowStartMs, windowEndMs)) {
        archived = ArchivedWindow.load(this.state, windowStartMs, windowEndMs);
      }
      const outcome = this.closer.reissue(sink!, aggregate!, archived, closed, nowMs);
      if (outcome === "reissued") retried.push(id);
      // The books keep the fact that the sink never had this revision.
      if (outcome === "superseded") purged.push(id);
    }
    const freed = measureDeadLetters(this.state, [...retried, ...purged]);
    const { requests, refusedAgain } = settled;
    settleRequests(this.state, { requests, retried, refusedAgain, purged });
    const reissued = retried.length - settled.retried.length + purged.length - settled.purged.length;
    return { reissued, freed };
  }

  /**
   * Drops the oldest dead letters beyond the bound, within the transaction of the caller. The dead letters
   * that the transaction adds are counted. Operators' requests come first: while one is open, no dead letter
   * is dropped.
   */
  drop(
    refused: readonly RefusedEvent[],
    notFinite: number,
    freed: Omit<DeadLetterVolume, "goneId">,
  ): Dropped {
    const { state, kept: before } = this;
    const added = refused.length + notFinite;
    const deadLetters = {
      ...before,
      deadLetters: before.deadLetters + added - freed.deadLetters,
      bytes: before.bytes + refused.reduce((sum, { raw }) => sum + raw.length, 0) - freed.bytes,
    };
    if (hasRequests(state)) return { deadLetters, dropped: 0 };
    const { left, dropped } = dropOldestDeadLetters(
      state,
      deadLetters,
      this.bound,
      added + DROPPED_DEAD_LETTERS,
    );
    for (const [reason, count] of dropped) addToBookEntry(state, droppedEntry(reason), count);
    return { deadLetters: left, dropped: deadLetters.deadLetters - left.deadLetters };
  }

  /**
   * Tells that the transaction is committed.
   *
   * @param deadLetters The kept dead letters.
   */
  committed(deadLetters: DeadLetterVolume): void {
    this.kept = deadLetters;
  }
}
