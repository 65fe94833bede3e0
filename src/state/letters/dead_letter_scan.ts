import type { DeadLetterReason } from "./dead_letter_reason.ts";
import type { StateDatabase } from "../file/state_database.ts";

/** The dead letters of one reason that are kept. */
export interface DeadLetterCount {
  readonly count: number;
  readonly newestId: number;
}

/** Dead letters that are looked at in one step: some milliseconds. */
const A_STEP = 2000;

/**
 * How many dead letters are kept, by reason. In steps, for which the state must be one consistent view.
 *
 * @throws {StateError}
 */
export function* deadLetterCountSteps(
  state: StateDatabase,
): Generator<undefined, Map<DeadLetterReason, DeadLetterCount>> {
  const counts = new Map<DeadLetterReason, DeadLetterCount>();
  for (let after = 0;;) {
    const rows = state.all<
      { reason: DeadLetterReason; count: number; newestId: number | null; lastId: number }
    >(
      `SELECT reason, sum(NOT purged) AS count, max(iif(purged, NULL, id)) AS newestId, max(id) AS lastId FROM
         (SELECT id, reason, purged FROM dead_letter WHERE id > ? ORDER BY id LIMIT ?) GROUP BY reason`,
      after,
      A_STEP,
    );
    if (rows.length === 0) break;
    for (const { reason, count, newestId } of rows) {
      if (newestId !== null) {
        counts.set(reason, { count: (counts.get(reason)?.count ?? 0) + count, newestId });
      }
    }
    after = Math.max(...rows.map(({ lastId }) => lastId));
    yield;
  }
  return new Map([...counts].sort(([a], [b]) => a < b ? -1 : 1));
}

/**
 * The ids of the newest dead letters before `beforeId`, newest first, `limit` at most. In steps, as
 * {@link deadLetterCountSteps}.
 *
 * @throws {StateError}
 */
export function* newestDeadLetterIdSteps(
  state: StateDatabase,
  reason: DeadLetterReason | undefined,
  beforeId: number,
  limit: number,
): Generator<undefined, number[]> {
  const found: number[] = [];
  for (let before = beforeId; found.length < limit;) {
    const rows = state.all<{ id: number; isWanted: number }>(
      `SELECT id, NOT purged AND (?1 IS NULL OR reason = ?1) AS isWanted FROM dead_letter
       WHERE id < ?2 ORDER BY id DESC LIMIT ?3`,
      reason ?? null,
      before,
      A_STEP,
    );
    if (rows.length === 0) break;
    found.push(...rows.filter(({ isWanted }) => isWanted).map(({ id }) => id));
    before = rows.at(-1)!.id;
    yield;
  }
  return found.slice(0, limit);
}
