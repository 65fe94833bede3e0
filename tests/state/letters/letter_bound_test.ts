import assert from "node:assert/strict";
import {
  addRefusedAggregates,
  addRefusedEvents,
  readDeadLetters,
} from "../../../src/state/letters/dead_letters.ts";
import {
  dropOldestLetters,
  type LetterBound,
  measureLetters,
} from "../../../src/state/letters/letter_bound.ts";
import type { StateDatabase } from "../../../src/state/file/state_database.ts";
import { Inside, inTemporaryDirectory } from "../inside.ts";

const AGGREGATE = {
  name: "a",
  aggFunc: "sum",
  value: 1,
  windowStartMs: 0,
  windowEndMs: 1000,
  count: 1,
  revision: 0,
};

/** A state with letters of events that have `sizes` bytes, and one of a sink before, amid and after them. */
function withLetters(
  sizes: readonly number[],
  work: (state: StateDatabase, sizesLeft: () => number[]) => void,
): void {
  inTemporaryDirectory((directory) => {
    const { state } = new Inside(directory);
    const refuse = () =>
      addRefusedAggregates(
        state,
        [{ reason: "rejected", detail: "no", sink: "all", aggregate: AGGREGATE }],
        0,
      );
    state.transaction(() => {
      refuse();
      sizes.forEach((size, number) => {
        if (number === 2) refuse();
        const raw = new Uint8Array(size);
        addRefusedEvents(state, [{
          reason: "invalid",
          detail: "",
          bus: "b",
          offset: number,
          raw,
          rawBytes: size,
        }], 0);
      });
      refuse();
    });
    work(state, () => {
      const letters = readDeadLetters(state, { limit: 99 });
      assert.equal(
        letters.filter(({ sink }) => sink !== undefined).length,
        3,
        "those of sinks are never dropped",
      );
      return letters.flatMap(({ raw }) => raw ? [raw.length] : []);
    });
    state.close();
  });
}

const SIZES = [10, 20, 30, 40, 50];
const drop = (state: StateDatabase, bound: Partial<LetterBound>, atMost = 99, goneId = 0) =>
  state.transaction(() =>
    dropOldestLetters(
      state,
      { ...measureLetters(state), goneId },
      { letters: 99, bytes: 999, ...bound },
      atMost,
    ).left
  );

Deno.test("letters are measured without those of sinks, all or some", () =>
  withLetters(SIZES, (state) => {
    assert.deepEqual({ ...measureLetters(state) }, { letters: 5, bytes: 150 });
    assert.deepEqual({ ...measureLetters(state, [1, 2, 4, 77]) }, { letters: 1, bytes: 10 });
    assert.deepEqual({ ...measureLetters(state, []) }, { letters: 0, bytes: 0 });
  }));

for (
  const [what, bound, left] of [
    ["as many as there are", { letters: 5, bytes: 150 }, SIZES],
    ["one fewer", { letters: 4 }, SIZES.slice(1)],
    ["a byte less", { bytes: 149 }, SIZES.slice(1)],
    ["as many bytes as the newest three have", { bytes: 120 }, SIZES.slice(2)],
    ["hardly any bytes", { bytes: 49 }, []],
    ["both", { letters: 4, bytes: 90 }, SIZES.slice(3)],
    ["none", { letters: 0 }, []],
  ] as const
) {
  Deno.test(`within a bound of ${what} the newest letters stay`, () =>
    withLetters(SIZES, (state, sizesLeft) => {
      const { letters, bytes } = drop(state, bound);
      assert.deepEqual(sizesLeft(), left);
      assert.deepEqual({ letters, bytes }, { ...measureLetters(state) });
    }));
}

Deno.test("no more letters are dropped at once than may be, and the next time goes on behind them", () =>
  withLetters(SIZES, (state, sizesLeft) => {
    const first = drop(state, { letters: 1 }, 3);
    assert.deepEqual(sizesLeft(), [40, 50]);
    assert.deepEqual([first.letters, first.bytes], [2, 90]);
    drop(state, { letters: 1 }, 3, first.goneId);
    assert.deepEqual(sizesLeft(), [50]);
    drop(state, { letters: 0 }, 0);
    assert.deepEqual(sizesLeft(), [50]);
  }));

Deno.test("very many letters are dropped page by page", () =>
  withLetters(Array(2100).fill(1), (state, sizesLeft) => {
    assert.equal(drop(state, { letters: 50 }, 9999).letters, 50);
    assert.equal(measureLetters(state).letters, 50);
    sizesLeft();
  }));
