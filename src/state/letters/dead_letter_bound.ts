import type { StateDatabase } from "../file/state_database.ts";

/**
 * The number of dead letters at most, and the bytes of raw events in them. Dead letters of aggregates that a
 * sink has refused are not counted and never dropped: the books need them to say what the sink lacks.
 */
export interface DeadLetterBound {
  readonly deadLetters: number;
  readonly bytes: number;
}

export const DEAD_LETTER_BOUND: DeadLetterBound = { deadLetters: 100_000, bytes: 256 * 1024 * 1024 };

/** The dead letters that a {@link DeadLetterBound} counts. */
export interface DeadLetterVolume {
  readonly deadLetters: number;
  /** Bytes of raw events. */
  readonly bytes: number;
  /** All dead letters up to this id are deleted. The search for the oldest one begins there. */
  readonly goneId: number;
}

const PAGE = 1000;

/** Measures all dead letters, or those with the given ids. */
export function measureDeadLetters(
  state: StateDatabase,
  ids?: readonly number[],
): Omit<DeadLetterVolume, "goneId"> {
  return state.get(
    "SELECT count(*) AS deadLetters, coalesce(sum(length(raw)), 0) AS bytes FROM dead_letter WHERE " +
      `sink IS NULL ${ids ? "AND id IN (SELECT value FROM json_each(?))" : ""}`,
    ...(ids ? [JSON.stringify(ids)] : []),
  )!;
}

/**
 * Drops the oldest dead letters, `atMost` of them, until the others are within the bound. Runs within the
 * transaction of the caller. Returns what is left, and how many of each reason were dropped.
 */
export function dropOldestDeadLetters(
  state: StateDatabase,
  volume: DeadLetterVolume,
  bound: DeadLetterBound,
  atMost: number,
): { readonly left: DeadLetterVolume; readonly dropped: ReadonlyMap<string, number> } {
  const dropped = new Map<string, number>();
  let { deadLetters, bytes, goneId } = volume;
  const isBeyond = () => deadLetters > bound.deadLetters || bytes > bound.bytes;
  const least = deadLetters - atMost;
  while (isBeyond() && deadLetters > least) {
    const firstId = goneId;
    const oldest = state.all<{ id: number; reason: string; bytes: number }>(
      `SELECT id, reason, coalesce(length(raw), 0) AS bytes FROM dead_letter WHERE sink IS NULL AND id > ?
       ORDER BY id LIMIT ?`,
      goneId,
      Math.min(PAGE, deadLetters - least),
    );
    for (const deadLetter of oldest) {
      if (!isBeyond()) break;
      deadLetters--;
      bytes -= deadLetter.bytes;
      goneId = deadLetter.id;
      dropped.set(deadLetter.reason, (dropped.get(deadLetter.reason) ?? 0) + 1);
    }
    if (goneId === firstId) break;
    state.seal.remove("dead_letter", "sink IS NULL AND id > ? AND id <= ?", firstId, goneId);
  }
  return { left: { deadLetters, bytes, goneId }, dropped };
}
