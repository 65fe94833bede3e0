import type { StateDatabase } from "../file/state_database.ts";

/**
 * How many dead letters are kept at most, and how many bytes of raw events in them. Letters of aggregates that a sink refused
 * are not counted and never dropped: the books need them to say what the sink lacks.
 */
export interface LetterBound {
  readonly letters: number;
  readonly bytes: number;
}

export const LETTER_BOUND: LetterBound = { letters: 100_000, bytes: 256 * 1024 * 1024 };

/** The letters that a {@link LetterBound} counts. */
export interface LetterVolume {
  readonly letters: number;
  /** Of raw events. */
  readonly bytes: number;
  /** All letters up to this id are gone: where the search for the oldest begins. */
  readonly goneId: number;
}

const PAGE = 1000;

/** Looks at all letters, or at those with the given ids. */
export function measureLetters(state: StateDatabase, ids?: readonly number[]): Omit<LetterVolume, "goneId"> {
  return state.get(
    `SELECT count(*) AS letters, coalesce(sum(length(raw)), 0) AS bytes FROM dead_letter WHERE sink IS NULL ${
      ids ? "AND id IN (SELECT value FROM json_each(?))" : ""
    }`,
    ...(ids ? [JSON.stringify(ids)] : []),
  )!;
}

/**
 * Drops the oldest letters until the others are within the bound, `atMost` of them, within the transaction of the caller.
 * Returns what is left, and how many of each reason have gone.
 */
export function dropOldestLetters(
  state: StateDatabase,
  volume: LetterVolume,
  bound: LetterBound,
  atMost: number,
): { readonly left: LetterVolume; readonly dropped: ReadonlyMap<string, number> } {
  const dropped = new Map<string, number>();
  let { letters, bytes, goneId } = volume;
  const isBeyond = () => letters > bound.letters || bytes > bound.bytes;
  const least = letters - atMost;
  while (isBeyond() && letters > least) {
    const firstId = goneId;
    const oldest = state.all<{ id: number; reason: string; bytes: number }>(
      `SELECT id, reason, coalesce(length(raw), 0) AS bytes FROM dead_letter WHERE sink IS NULL AND id > ?
       ORDER BY id LIMIT ?`,
      goneId,
      Math.min(PAGE, letters - least),
    );
    for (const letter of oldest) {
      if (!isBeyond()) break;
      letters--;
      bytes -= letter.bytes;
      goneId = letter.id;
      dropped.set(letter.reason, (dropped.get(letter.reason) ?? 0) + 1);
    }
    if (goneId === firstId) break;
    state.seal.remove("dead_letter", "sink IS NULL AND id > ? AND id <= ?", firstId, goneId);
  }
  return { left: { letters, bytes, goneId }, dropped };
}
