/** The candidate that `word` was probably meant to be; undefined when none is near. */
export function nearMiss(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  // Two slips are allowed in a long word, one in a short one. With more, words would be suggested that nobody
  // meant.
  let bestDistance = word.length > 5 ? 3 : 2;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = editDistance(word, candidate, bestDistance);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/**
 * The end of a message that suggests the word that was probably meant. It may be another word for the same in
 * common use (`warning`, `postgresql`).
 */
export function meantBy(word: string, words: readonly string[]): string {
  const lower = word.toLowerCase();
  const meant = nearMiss(lower, words) ?? words.find((known) => lower.length > 2 && lower.startsWith(known));
  return meant === undefined ? "" : `; did you mean ${meant}?`;
}

/**
 * Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`; `bound` or more where
 * it takes as many.
 */
function editDistance(a: string, b: string, bound: number): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  let least = 0;
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    const leastBefore = least;
    least = row;
    for (let column = 1; column <= b.length; column++) {
      const substitution = previous[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      let distance = Math.min(previous[column]! + 1, current[column - 1]! + 1, substitution);
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        distance = Math.min(distance, beforePrevious[column - 2]! + 1);
      }
      current.push(distance);
      if (distance < least) least = distance;
    }
    // No later row has less than the least of two rows: a swap goes back by two.
    if (least >= bound && leastBefore >= bound) return bound;
    [beforePrevious, previous] = [previous, current];
  }
  return previous[b.length]!;
}
