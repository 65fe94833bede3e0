/** The rows of closing windows, what they change in the counts, and the steps in which they are made. */
import assert from "node:assert/strict";
import { type Closed, nothingClosed } from "../../../src/state/checkpoint/closed.ts";
import { ClosingRows } from "../../../src/state/checkpoint/closing_rows.ts";
import type { RowCount } from "../../../src/state/checkpoint/slot_order.ts";
import { type Inside, withInside } from "../inside.ts";

interface Made {
  readonly closed: Closed;
  /** The rows of each segment. */
  readonly segments: readonly number[];
  /** What was counted, part by part. */
  readonly costs: readonly number[];
}

/** Makes the rows of all open windows, in as many steps as can be, and closes none. */
function make({ aggregator, registry, state }: Inside, sinksFor: (name: string) => string[]): Made {
  const costs: number[] = [];
  const isStep = (rows: number) => costs.push(rows) > 0;
  const segments: number[] = [];
  const closed = nothingClosed();
  const routes = { ofLength: () => ({ always: undefined, sinksFor }) };
  const steps = new ClosingRows(state, registry, routes, 0).make(
    aggregator.windows,
    aggregator.windowsWhere(() => true),
    closed,
    { isStep } as unknown as RowCount,
    ({ rowCount }) => segments.push(rowCount),
  );
  assert.equal([...steps].length, costs.length, "each part that is counted may end a step");
  return { closed, segments, costs };
}

/** Events of these names, one each, at half a second. */
function take(inside: Inside, ...names: readonly string[]): void {
  inside.take(names.map((name) => ({ name, value: 1, timestamp: 0.5 })));
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `n${i}`);

Deno.test("a correction counts for each sink what is new to it, and what went to none before", () => {
  const sinksFor = (name: string) => name === "none" ? [] : name === "x" ? ["x"] : ["x", "y"];
  withInside((inside) => {
    take(inside, "both", "both", "none", "x");
    inside.save(true);
    take(inside, "both", "none", "x", "new");
    const { closed, segments } = make(inside, sinksFor);
    assert.deepEqual(segments, [4]);
    assert.deepEqual([closed.events, closed.unrouted, [...closed.eventsByLength]], [4, 1, [[1000, 4]]]);
    assert.deepEqual([...closed.routed].toSorted(), [["x", 3], ["y", 2]]);
    assert.deepEqual([...closed.routedByLength].map(([sink, events]) => [sink, ...events]).toSorted(), [
      ["x", [1000, 3]],
      ["y", [1000, 2]],
    ]);
    const rerouted = make(inside, () => ["y"]).closed;
    assert.deepEqual([rerouted.events, rerouted.unrouted], [4, -1], "all of it goes to a sink now");
    assert.deepEqual([...rerouted.routed], [["y", 1 + 2 + 2 + 1]], "with what it had not before");
    assert.deepEqual(rerouted.recovered.get("y") ?? 0, 0);
  }, { sinks: ["x", "y"], router: { always: undefined, sinksFor } });
});

Deno.test("each window of several counts for itself by its length", () =>
  withInside((inside) => {
    inside.take([0.5, 1.5, 1.6].map((timestamp) => ({ name: "a", value: 1, timestamp })));
    const { closed, segments } = make(inside, () => ["all"]);
    assert.deepEqual(segments, [1, 1, 1]);
    assert.deepEqual([...closed.eventsByLength].toSorted(), [[1000, 3], [4000, 3]]);
    assert.deepEqual([...closed.routedByLength.get("all")!].toSorted(), [[1000, 3], [4000, 3]]);
    assert.deepEqual([...closed.routed], [["all", 6]]);
  }, { tiers: [1000, 4000].map((lengthMs) => ({ lengthMs, hopMs: lengthMs })) }));

Deno.test("a window costs some rows, a look at each row an eighth, and a row that is corrected four", () =>
  withInside((inside) => {
    const all = () => ["all"];
    const looks = [32, 5.5, 32, 5.5, 37.5];
    take(inside, ...numbered(256));
    assert.deepEqual(make(inside, all).costs, [16, 32, 32, 32, 256]);
    take(inside, ...numbered(300).slice(256));
    assert.deepEqual(make(inside, all).costs, [16, ...looks, 256, 44]);
    inside.save(true);
    take(inside, ...numbered(300));
    assert.deepEqual(make(inside, all).costs, [16, ...looks, 4 * 256, 4 * 44]);
  }));

Deno.test("a segment has 4096 rows at most, and none is empty", () =>
  withInside((inside) => {
    const all = () => ["all"];
    take(inside, ...numbered(4096));
    assert.deepEqual(make(inside, all).segments, [4096]);
    take(inside, "another");
    assert.deepEqual(make(inside, all).segments, [4096, 1]);
  }, { maxSeries: 10_000 }));
