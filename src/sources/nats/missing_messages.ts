import type { StreamInfo } from "./jetstream.ts";
import { isWithin } from "./subject_pattern.ts";

/** Whether all messages of a stream are asked for. Then each number that is left out is one that is gone. */
export function isWhole({ subjects }: Pick<StreamInfo, "subjects">, wanted: readonly string[]): boolean {
  if (wanted.length === 0 || wanted.includes(">")) return true;
  // A stream that copies others does not say which subjects it has.
  return subjects.length > 0 &&
    subjects.every((subject) => wanted.some((pattern) => isWithin(subject, pattern)));
}

/**
 * How many messages behind a number are gone where not all subjects are asked for: those that limits have
 * removed at the beginning, and those that were removed in between. Of which subjects they were, nobody knows
 * any more, so it is how many there are at most.
 *
 * @param from The last number that was read.
 * @param to The number that is read next.
 */
export function mostMissing(
  { deleted, first }: Pick<StreamInfo, "deleted" | "first">,
  from: number,
  to: number,
): number {
  const trimmed = Math.max(0, Math.min(first, to) - from - 1);
  const begin = from + trimmed;
  return trimmed + deleted.filter((sequence) => sequence > begin && sequence < to).length;
}
