/** Several tiers of windows, over late events, restarts and other lists. */
import assert from "node:assert/strict";
import fc from "../../support/fast_check.ts";
import type { Aggregate } from "../../../src/aggregation/aggregate.ts";
import type { Tier } from "../../../src/aggregation/tier.ts";
import { valueFault } from "../../support/oracle.ts";
import { readTierCounts } from "../../../src/state/checkpoint/tier_books.ts";
import { Books } from "../../../src/state/checkpoint/books.ts";
import { routedByLength } from "../../../src/state/outbox/sink_tiers.ts";
import { readLosses } from "../../../src/state/outbox/losses.ts";
import { Inside, inTemporaryDirectory } from "../inside.ts";

const FUNCTIONS = ["sum", "avg", "min", "max", "count", "first", "last", "stddev", "p90"] as const;

interface Taken {
  readonly name: string;
  readonly agg_func: string;
  readonly value: number;
  readonly timestamp: number;
}

const tier = fc.constantFrom(
  [1000, 1000],
  [2000, 2000],
  [3000, 1000],
  [4000, 500],
  [10_000, 10_000],
  [12_000, 3000],
).map(([lengthMs, hopMs]): Tier => ({ lengthMs: lengthMs!, hopMs: hopMs! }));
const tiers = fc.uniqueArray(tier, { minLength: 1, maxLength: 4, selector: ({ lengthMs }) => lengthMs });
const event = fc.record({
  name: fc.constantFrom("a", "b"),
  agg_func: fc.constantFrom(...FUNCTIONS),
  value: fc.integer({ min: -50, max: 50 }),
  // Whole tenths, so that ties and edges of windows are frequent.
  timestamp: fc.integer({ min: 0, max: 400 }).map((tenths) => tenths / 10),
});
const step = fc.record({
  events: fc.array(event, { maxLength: 12 }),
  then: fc.constantFrom("go on", "save", "restart", "deliver"),
  /** The list from the next restart on. */
  next: tiers,
});

/** What an event adds to: each window of each tier that contains its time. */
function windowsOf(timestamp: number, list: readonly Tier[]): (readonly [startMs: number, endMs: number])[] {
  const timeMs = Math.round(timestamp * 1000);
  return list.flatMap(({ lengthMs, hopMs }) => {
    const found: [number, number][] = [];
    for (let start = -lengthMs; start <= timeMs; start += hopMs) {
      if (start % hopMs === 0 && timeMs < start + lengthMs) found.push([start, start + lengthMs]);
    }
    return found;
  });
}

Deno.test("property: each tier has what an independent calculation has, late or not, whatever list follows", () => {
  fc.assert(
    fc.property(tiers, fc.array(step, { minLength: 1, maxLength: 12 }), (first, steps) => {
      inTemporaryDirectory((directory) => {
        const expected = new Map<string, { func: string; events: Taken[] }>();
        const table = new Map<string, Aggregate>();
        let list = first;
        let inside = new Inside(directory, { tiers: list });
        let shares = 0;
        for (const { events, then, next } of steps) {
          inside.take(events);
          for (const taken of events) {
            for (const [startMs, endMs] of windowsOf(taken.timestamp, list)) {
              const key = [taken.name, taken.agg_func, startMs, endMs].join("|");
              const row = expected.get(key) ?? { func: taken.agg_func, events: [] };
              row.events.push(taken);
              expected.set(key, row);
              shares++;
            }
          }
          if (then === "save" || then === "restart") inside.save();
          if (then === "deliver") inside.deliver(table);
          if (then !== "restart") continue;
          inside.state.close();
          list = next;
          inside = new Inside(directory, { tiers: list });
        }
        inside.save(true);
        inside.deliver(table);
        assert.equal(inside.aggregator.contributed, shares);
        assert.deepEqual(new Books(inside.state).faults(), []);
        const rowsOf = Map.groupBy(table.values(), (row) => row.windowEndMs - row.windowStartMs);
        const sums = [...rowsOf].map((
          [length, rows],
        ) => [length, rows.reduce((sum, { count }) => sum + count, 0)]);
        assert.deepEqual(new Map(sums as [number, number][]), new Map(routedByLength(inside.state, "all")));
        inside.state.close();
        assert.deepEqual([...table.keys()].sort(), [...expected.keys()].sort());
        for (const [key, { func, events }] of expected) {
          const row = table.get(key)!;
          assert.equal(row.count, events.length, key);
          const readings = events.map(({ value, timestamp }) => ({ value, timeMs: timestamp * 1000 }));
          if (func !== "p90" || events.every(({ value }) => value > 0)) {
            assert.equal(valueFault(func, row.value, readings), undefined, key);
          }
        }
      });
    }),
    { numRuns: 20 },
  );
});

Deno.test("a late event counts in each tier whose window takes it, and is named where it does not", () => {
  inTemporaryDirectory((directory) => {
    const list = [{ lengthMs: 1000, hopMs: 1000 }, { lengthMs: 10_000, hopMs: 10_000 }];
    const inside = new Inside(directory, { tiers: list, horizonMs: 3000 });
    const take = (timestamp: number) => inside.take([{ name: "a", value: 1, timestamp }]);
    take(0.5);
    take(8);
    inside.save();
    take(0.6);
    assert.equal(inside.aggregator.sharesOf(1000).late, 1, "its window of ten seconds is open");
    take(6.5);
    assert.equal(inside.aggregator.sharesOf(1000).late, 1, "within the horizon");
    take(14);
    take(0.7);
    inside.save(true);
    const table = new Map<string, Aggregate>();
    inside.deliver(table);
    assert.equal(table.get("a|sum|0|10000")!.count, 4);
    assert.equal(table.get("a|sum|0|1000")!.count, 1);
    const { books, contributed } = inside.aggregator;
    assert.deepEqual([books.aggregated, books.late, contributed], [5, 1, 9]);
    assert.deepEqual([...readTierCounts(inside.state)], [
      [1000, { contributed: 4, lateShares: 1, closed: 4 }],
      [10_000, { contributed: 5, lateShares: 0, closed: 5 }],
    ]);
    assert.deepEqual(
      readLosses(inside.state).filter(({ name }) => name === "late").map(({ count, what }) =>
        `${count} ${what}`
      )[0],
      "1 came too late for its windows of 1 s, and counts in others only",
    );
    inside.state.close();
  });
});

Deno.test("MAX_SERIES counts a series once for each tier, and an event goes into all of them or none", () => {
  inTemporaryDirectory((directory) => {
    const list = [
      { lengthMs: 1000, hopMs: 1000 },
      { lengthMs: 4000, hopMs: 1000 },
    ];
    const inside = new Inside(directory, { tiers: list, maxSeries: 5 });
    inside.take(["a", "b", "c", "a"].map((name) => ({ name, value: 1, timestamp: 1 })));
    const { books, windows } = inside.aggregator;
    assert.deepEqual([books.aggregated, books.overflow, windows.seriesCount], [3, 1, 4]);
    inside.take([{ name: "a", value: 1, timestamp: 20 }]);
    assert.equal(windows.seriesCount, 4, "another window of the same tiers is no other series");
    inside.save();
    assert.equal(windows.seriesCount, 2);
    inside.state.close();
  });
});
