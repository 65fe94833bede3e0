import assert from "node:assert/strict";
import {
  addRefusedAggregates,
  addRefusedEvents,
  readDeadLetters,
} from "../../../src/state/letters/dead_letters.ts";
import {
  DEAD_LETTER_BOUND,
  type DeadLetterBound,
  dropOldestDeadLetters,
  measureDeadLetters,
} from "../../../src/state/letters/dead_letter_bound.ts";
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

/**
 * A state with dead letters of events that have `sizes` bytes, and one of a sink before, amid and after them.
 */
function withDeadLetters(
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
          partition: "",
          offset: number,
          raw,
          rawBytes: size,
        }], 0);
      });
      refuse();
    });
    work(state, () => {
      const deadLetters = readDeadLetters(state, { limit: 99 });
      assert.equal(
        deadLetters.filter(({ sink }) => sink !== undefined).length,
        3,
        "those of sinks are never dropped",
      );
      return deadLetters.flatMap(({ raw }) => raw ? [raw.length] : []);
    });
    state.close();
  });
}

const SIZES = [10, 20, 30, 40, 50];
const drop = (state: StateDatabase, bound: Partial<DeadLetterBound>, atMost = 99, goneId = 0) =>
  state.transaction(() =>
    dropOldestDeadLetters(
      state,
      { ...measureDeadLetters(state), goneId },
      { deadLetters: 99, bytes: 999, ...bound },
      atMost,
    ).left
  );

Deno.test("a hundred thousand dead letters are kept, and 256 MiB of events", () => {
  assert.deepEqual(DEAD_LETTER_BOUND, { deadLetters: 100_000, bytes: 268_435_456 });
});

Deno.test("dead letters are measured without those of sinks, all or some", () =>
  withDeadLetters(SIZES, (state) => {
    assert.deepEqual({ ...measureDeadLetters(state) }, { deadLetters: 5, bytes: 150 });
    assert.deepEqual({ ...measureDeadLetters(state, [1, 2, 4, 77]) }, { deadLetters: 1, bytes: 10 });
    assert.deepEqual({ ...measureDeadLetters(state, []) }, { deadLetters: 0, bytes: 0 });
  }));

for (
  const [what, bound, left] of [
    ["as many as there are", { deadLetters: 5, bytes: 150 }, SIZES],
    ["one fewer", { deadLetters: 4 }, SIZES.slice(1)],
    ["a byte less", { bytes: 149 }, SIZES.slice(1)],
    ["as many bytes as the newest three have", { bytes: 120 }, SIZES.slice(2)],
    ["hardly any bytes", { bytes: 49 }, []],
    ["both", { deadLetters: 4, bytes: 90 }, SIZES.slice(3)],
    ["none", { deadLetters: 0 }, []],
  ] as const
) {
  Deno.test(`within a bound of ${what} the newest dead letters stay`, () =>
    withDeadLetters(SIZES, (state, sizesLeft) => {
      const { deadLetters, bytes } = drop(state, bound);
      assert.deepEqual(sizesLeft(), left);
      assert.deepEqual({ deadLetters, bytes }, { ...measureDeadLetters(state) });
    }));
}

Deno.test("no more dead letters are dropped at once than may be, and the next time goes on behind them", () =>
  withDeadLetters(SIZES, (state, sizesLeft) => {
    const first = drop(state, { deadLetters: 1 }, 3);
    assert.deepEqual(sizesLeft(), [40, 50]);
    assert.deepEqual([first.deadLetters, first.bytes], [2, 90]);
    drop(state, { deadLetters: 1 }, 3, first.goneId);
    assert.deepEqual(sizesLeft(), [50]);
    drop(state, { deadLetters: 0 }, 0);
    assert.deepEqual(sizesLeft(), [50]);
  }));

Deno.test("very many dead letters are dropped page by page", () =>
  withDeadLetters(Array(2100).fill(1), (state, sizesLeft) => {
    assert.equal(drop(state, { deadLetters: 50 }, 9999).deadLetters, 50);
    assert.equal(measureDeadLetters(state).deadLetters, 50);
    sizesLeft();
  }));
