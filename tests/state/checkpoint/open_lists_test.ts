/** What is read of the open windows of a state beside its handler. */
import assert from "node:assert/strict";
import { PAGE_SLOTS } from "../../../src/aggregation/open_windows.ts";
import {
  countOpenWindows,
  openWindowSteps,
  readOpenWindows,
} from "../../../src/state/checkpoint/open_window_list.ts";
import { openSeriesSteps } from "../../../src/state/checkpoint/open_series.ts";
import type { StateDatabase } from "../../../src/state/file/state_database.ts";
import { StateError } from "../../../src/state/file/state_error.ts";
import { type Inside, withInside } from "../inside.ts";

const TIERS = [1000, 4000].map((lengthMs) => ({ lengthMs, hopMs: lengthMs }));
const OPTIONS = { tiers: TIERS, maxSeries: 100_000 };

/** Events of so many series at each of these seconds. */
function take(inside: Inside, count: number, ...seconds: readonly number[]): void {
  for (const timestamp of seconds) {
    inside.take(Array.from({ length: count }, (_, i) => ({ name: `n${i}`, value: 1, timestamp })));
  }
}

Deno.test("open windows are listed with their series and events, the earliest start and then the earliest end first", () =>
  withInside((inside) => {
    const { state } = inside;
    assert.deepEqual([readOpenWindows(state), countOpenWindows(state)], [[], 0]);
    take(inside, 2, 5, 4, 4.1);
    inside.save(false, { closing: [] });
    assert.deepEqual(readOpenWindows(state), [
      { startMs: 4000, endMs: 5000, series: 2, events: 4 },
      { startMs: 4000, endMs: 8000, series: 2, events: 6 },
      { startMs: 5000, endMs: 6000, series: 2, events: 2 },
    ]);
    assert.equal(countOpenWindows(state), 3);
  }, OPTIONS));

Deno.test("very many open series are listed in steps of 32 pages, each page once", () =>
  withInside((inside) => {
    const { state } = inside;
    take(inside, 17 * PAGE_SLOTS, 4);
    inside.save(false, { closing: [] });
    const walk = openWindowSteps(state);
    let steps = 0;
    let next = walk.next();
    for (; !next.done; next = walk.next()) steps++;
    const events = 17 * PAGE_SLOTS;
    assert.deepEqual([steps, next.value], [2, [
      { startMs: 4000, endMs: 5000, series: events, events },
      { startMs: 4000, endMs: 8000, series: events, events },
    ]]);
    const seriesOf = (...lengthsMs: number[]) => {
      const names: string[] = [];
      const lengths = new Set<number>();
      const turns = [...openSeriesSteps(state, lengthsMs, ({ lengthMs, keys, functionId }) => {
        lengths.add(lengthMs);
        assert.equal(functionId.length, keys.rowCount);
        for (let row = 0; row < keys.rowCount; row++) names.push(keys.text(row));
      })].length;
      return [turns, names.length, new Set(names).size, [...lengths]];
    };
    assert.deepEqual(seriesOf(1000), [2, events, events, [1000]]);
    assert.deepEqual(seriesOf(4000, 1000), [2, 2 * events, events, [1000, 4000]]);
    assert.deepEqual(seriesOf(2000), [2, 0, 0, []]);
  }, OPTIONS));

Deno.test("of very many pages of series no more than 1600 are read", () => {
  let page = 0;
  const all = () =>
    Array.from({ length: 32 }, () => ({ page: page++, lengthMs: 1, keys: new Uint8Array(0) }));
  const steps = [...openSeriesSteps({ path: "", all } as unknown as StateDatabase, [1000], () => {})];
  assert.deepEqual([steps.length, page], [50, 1600]);
});

Deno.test("a page of open windows that cannot be decoded is a damaged state", () =>
  withInside((inside) => {
    const { state } = inside;
    take(inside, 1, 4);
    inside.save(false, { closing: [] });
    state.run("UPDATE open_page_values SET accumulators = x'00'");
    const isDamage = (error: unknown) => error instanceof StateError && error.kind === "damaged";
    assert.throws(() => readOpenWindows(state), isDamage);
    state.run("UPDATE open_page_keys SET keys = x'00'");
    assert.throws(() => [...openSeriesSteps(state, [1000], () => {})], isDamage);
  }, OPTIONS));
