import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { nearMiss } from "../../src/settings/near_miss.ts";

/** The textbook's table of the optimal string alignment distance, all of it. */
function plainDistance(a: string, b: string): number {
  const table = Array.from({ length: a.length + 1 }, (_, row) => [row, ...Array<number>(b.length).fill(0)]);
  for (let column = 1; column <= b.length; column++) table[0]![column] = column;
  for (let row = 1; row <= a.length; row++) {
    for (let column = 1; column <= b.length; column++) {
      const steps = [
        table[row - 1]![column]! + 1,
        table[row]![column - 1]! + 1,
        table[row - 1]![column - 1]! + Number(a[row - 1] !== b[column - 1]),
      ];
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        steps.push(table[row - 2]![column - 2]! + 1);
      }
      table[row]![column] = Math.min(...steps);
    }
  }
  return table[a.length]![b.length]!;
}

/** Few characters, so that slips and swaps are frequent. */
const WORD = fc.string({ unit: fc.constantFrom("A", "B", "_"), minLength: 1, maxLength: 10 });

Deno.test("the nearest candidate is the first of those with the least distance, within two slips, or one in a short word", () => {
  fc.assert(
    fc.property(WORD, fc.array(WORD, { maxLength: 8 }), (word, candidates) => {
      const distances = candidates.map((candidate) => plainDistance(word, candidate));
      const least = Math.min(...distances);
      const expected = least <= (word.length > 5 ? 2 : 1) ? candidates[distances.indexOf(least)] : undefined;
      assert.equal(nearMiss(word, candidates), expected);
    }),
    { numRuns: 1000 },
  );
});
