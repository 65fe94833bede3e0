import { deadLetterCountSteps, newestDeadLetterIdSteps } from "../state/letters/dead_letter_scan.ts";
import { type DeadLetter, readDeadLetters } from "../state/letters/dead_letters.ts";
import type { DeadLetterReason } from "../state/letters/dead_letter_reason.ts";
import type { StateDatabase } from "../state/file/state_database.ts";

/** Which dead letters are looked for. */
export interface DeadLettersQuestion {
  /** Undefined: whatever the reason. */
  readonly reason: DeadLetterReason | undefined;
  /** Only dead letters before this one, by its number; undefined: from the newest one on. */
  readonly beforeId: number | undefined;
  readonly limit: number;
}

export interface DeadLettersPage {
  readonly instance: string;
  /** Of all reasons, whatever was looked for. */
  readonly groups: readonly DeadLetterGroup[];
  /** Newest first. */
  readonly deadLetters: readonly DeadLetter[];
  /** Dead letters before this one are on the next page; undefined: it is the last one. */
  readonly next: number | undefined;
}

/** The dead letters of one reason. */
export interface DeadLetterGroup {
  readonly reason: DeadLetterReason;
  readonly count: number;
  /** The newest one. */
  readonly example: DeadLetter;
}

/**
 * A page of the dead letters, and all of them by reason. In steps, for which the state must be one consistent
 * view.
 *
 * @throws {StateError}
 */
export function* searchDeadLetters(
  state: StateDatabase,
  { reason, beforeId, limit }: DeadLettersQuestion,
): Generator<undefined, DeadLettersPage> {
  const groups: DeadLetterGroup[] = [];
  for (const [groupReason, { count, newestId }] of yield* deadLetterCountSteps(state)) {
    const [example] = readDeadLetters(state, { ids: [newestId], limit: 1 });
    groups.push({ reason: groupReason, count, example: example! });
  }
  const newest = beforeId ?? Number.MAX_SAFE_INTEGER;
  const ids = yield* newestDeadLetterIdSteps(state, reason, newest, limit + 1);
  const ofPage = ids.slice(0, limit);
  return {
    instance: state.instanceId,
    groups,
    deadLetters: readDeadLetters(state, { ids: ofPage, limit, newestFirst: true }),
    next: ids.length > limit ? ofPage.at(-1) : undefined,
  };
}
