import { type NamePattern, namePattern } from "../event/name_pattern.ts";
import { atOnce } from "../platform/clock/steps.ts";
import type { Logger } from "../platform/log/logger.ts";
import { fulfilRequests } from "../runtime/between_runs.ts";
import type { Config } from "../settings/config.ts";
import { StateDatabase } from "../state/file/state_database.ts";
import { StateError } from "../state/file/state_error.ts";
import {
  type DeadLetter,
  type DeadLetterChoice,
  type DeadLetterRequest,
  leaveRequest,
  readDeadLetterIds,
  readDeadLetters,
} from "../state/letters/dead_letters.ts";
import type { DeadLetterReason } from "../state/letters/dead_letter_reason.ts";
import { newestDeadLetterIdSteps } from "../state/letters/dead_letter_scan.ts";
import { textOf } from "./dead_letter_record.ts";

/** Dead letters that an operator wants settled. */
export interface DeadLettersOrder {
  readonly action: DeadLetterRequest["action"];
  readonly reason: DeadLetterReason | undefined;
  /** Undefined: all, whatever their numbers. */
  readonly ids: readonly number[] | undefined;
  /** The choice in the operator's own words, for the audit. */
  readonly choice: string;
}

/** The result of the order. */
export interface DeadLettersOutcome {
  readonly chosen: number;
  /** Undefined: the order was left to the running handler. */
  readonly settled:
    | { readonly retried: number; readonly purged: number; readonly refusedAnew: number }
    | undefined;
}

const PAGE = 500;

/** Which dead letters somebody wants to see. */
export interface DeadLettersSought {
  /** Undefined: whatever the reason. */
  readonly reason: DeadLetterReason | undefined;
  /** A pattern of names, see {@link namePattern}. */
  readonly name: string;
}

/** The newest dead letters, newest first. @throws {StateError} */
export function newestDeadLetters(
  stateDir: string,
  { reason, name }: DeadLettersSought,
  limit: number,
): DeadLetter[] {
  const pattern = namePattern(name);
  return reading(stateDir, (state) => {
    if (pattern.isCatchAll) return readDeadLetters(state, { reason, limit, newestFirst: true });
    const found: DeadLetter[] = [];
    for (let beforeId = Number.MAX_SAFE_INTEGER; found.length < limit;) {
      const ids = atOnce(newestDeadLetterIdSteps(state, reason, beforeId, PAGE));
      if (ids.length === 0) break;
      const page = readDeadLetters(state, { ids, limit: PAGE, newestFirst: true });
      found.push(...page.filter((deadLetter) => isNamed(deadLetter, pattern)));
      beforeId = ids.at(-1)!;
    }
    return found.slice(0, limit);
  });
}

/** Whether it is of such a name. An event of a shape that is not known here only has to contain the name. */
export function isNamed({ aggregate, raw }: DeadLetter, pattern: NamePattern): boolean {
  if (aggregate !== undefined) return pattern.matches(aggregate.name);
  const text = textOf(raw!) ?? "";
  const own = nameIn(text);
  return own === undefined ? namePattern(`*${pattern.text}*`).matches(text) : pattern.matches(own);
}

function nameIn(text: string): string | undefined {
  try {
    const name = JSON.parse(text)?.name;
    return typeof name === "string" ? name : undefined;
  } catch {
    return undefined;
  }
}

/** Dead letters in their order, a page of them in memory at a time. @throws {StateError} */
export function* allDeadLetters(
  stateDir: string,
  reason: DeadLetterReason | undefined,
): Generator<DeadLetter> {
  const state = StateDatabase.openForReading(stateDir, true);
  try {
    for (let afterId = 0;;) {
      const page = readDeadLetters(state, { reason, afterId, limit: PAGE });
      if (page.length === 0) return;
      yield* page;
      afterId = page.at(-1)!.id;
    }
  } finally {
    state.close();
  }
}

/**
 * Retries or purges dead letters: at once where no handler runs on the state, else by a request to the
 * running one.
 *
 * @param actor The operator, for the audit.
 * @throws {StateError}
 */
export function settleDeadLetters(
  actor: string,
  { action, reason, ids, choice }: DeadLettersOrder,
  config: Config,
  logger: Logger,
): DeadLettersOutcome {
  const { stateDir } = config;
  const chosen = idsOf(stateDir, { reason, ids });
  if (chosen.length === 0) return { chosen: 0, settled: { retried: 0, purged: 0, refusedAnew: 0 } };
  const newestId = newestDeadLetters(stateDir, { reason: undefined, name: "*" }, 1)[0]!.id;
  leave(actor, action, chosen, choice, stateDir);
  try {
    const fulfilled = fulfilRequests(config, logger);
    const refusedAnew = idsOf(stateDir, { afterId: newestId }).length;
    return { chosen: chosen.length, settled: { ...fulfilled, refusedAnew } };
  } catch (error) {
    if (!(error instanceof StateError) || error.kind !== "held") throw error;
    return { chosen: chosen.length, settled: undefined };
  }
}

/** A number of dead letters, in words. */
export function deadLetters(count: number): string {
  return count === 1 ? "1 dead letter" : `${count} dead letters`;
}

function leave(
  actor: string,
  action: DeadLetterRequest["action"],
  ids: readonly number[],
  choice: string,
  stateDir: string,
): void {
  const state = StateDatabase.openForRequest(stateDir);
  try {
    leaveRequest(state, action, ids, {
      who: actor,
      atMs: Date.now(),
      action: `dead-letters ${action}`,
      detail: `${deadLetters(ids.length)} (${choice})`,
    });
  } finally {
    state.close();
  }
}

function idsOf(stateDir: string, choice: DeadLetterChoice): number[] {
  return reading(stateDir, (state) => readDeadLetterIds(state, choice));
}

function reading<T>(stateDir: string, work: (state: StateDatabase) => T): T {
  const state = StateDatabase.openForReading(stateDir, true);
  try {
    return work(state);
  } finally {
    state.close();
  }
}
