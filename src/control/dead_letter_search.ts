import { type NamePattern, namePattern } from "../event/name_pattern.ts";
import { deadLetterCountSteps, newestDeadLetterIdSteps } from "../state/letters/dead_letter_scan.ts";
import { type DeadLetter, readDeadLetters } from "../state/letters/dead_letters.ts";
import type { DeadLetterReason } from "../state/letters/dead_letter_reason.ts";
import { isNamed } from "./dead_letters.ts";
import type { StateDatabase } from "../state/file/state_database.ts";

/** Which dead letters are looked for. */
export interface DeadLettersQuestion {
  /** Undefined: whatever the reason. */
  readonly reason: DeadLetterReason | undefined;
  /** Only dead letters before this one, by its number; undefined: from the newest one on. */
  readonly beforeId: number | undefined;
  readonly limit: number;
  /** A pattern of names; undefined: of every name. */
  readonly name: string | undefined;
}

/** Dead letters that are looked at for one page of those of a name. */
const LOOKED_AT_MAX = 5000;
const STEP = 200;

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
  { reason, beforeId, limit, name }: DeadLettersQuestion,
): Generator<undefined, DeadLettersPage> {
  const groups: DeadLetterGroup[] = [];
  for (const [groupReason, { count, newestId }] of yield* deadLetterCountSteps(state)) {
    const [example] = readDeadLetters(state, { ids: [newestId], limit: 1 });
    groups.push({ reason: groupReason, count, example: example! });
  }
  const newest = beforeId ?? Number.MAX_SAFE_INTEGER;
  if (name !== undefined) {
    const found = yield* deadLettersOf(namePattern(name), state, { reason, beforeId: newest, limit });
    return { instance: state.instanceId, groups, ...found };
  }
  const ids = yield* newestDeadLetterIdSteps(state, reason, newest, limit + 1);
  const ofPage = ids.slice(0, limit);
  return {
    instance: state.instanceId,
    groups,
    deadLetters: readDeadLetters(state, { ids: ofPage, limit, newestFirst: true }),
    next: ids.length > limit ? ofPage.at(-1) : undefined,
  };
}

/** A page of those of a name. One that looks at many others may be short, and has a next one. */
function* deadLettersOf(
  pattern: NamePattern,
  state: StateDatabase,
  { beforeId, limit, reason }: Pick<DeadLettersQuestion, "reason" | "limit"> & { readonly beforeId: number },
): Generator<undefined, Pick<DeadLettersPage, "deadLetters" | "next">> {
  const deadLetters: DeadLetter[] = [];
  let next: number | undefined = beforeId;
  for (let lookedAt = 0; next !== undefined && lookedAt < LOOKED_AT_MAX; lookedAt += STEP) {
    const ids: readonly number[] = yield* newestDeadLetterIdSteps(state, reason, next, STEP);
    next = ids.length < STEP ? undefined : ids.at(-1);
    if (ids.length === 0) break;
    for (const deadLetter of readDeadLetters(state, { ids, limit: STEP, newestFirst: true })) {
      if (!isNamed(deadLetter, pattern)) continue;
      deadLetters.push(deadLetter);
      if (deadLetters.length === limit) return { deadLetters, next: deadLetter.id };
    }
  }
  return { deadLetters, next };
}
