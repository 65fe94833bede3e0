import assert from "node:assert/strict";
import { functionId } from "../../../src/event/agg_function.ts";
import { countsFor, unroutedIn } from "../../../src/state/checkpoint/row_fates.ts";
import type { ArchivedRow } from "../../../src/state/outbox/archive.ts";
import type { RegisteredSink } from "../../../src/state/outbox/registered_sink.ts";

interface Revision {
  readonly id: number;
  readonly count: number;
  readonly sinks?: number;
  readonly previousCount?: number;
  readonly x?: number;
}

/** Rows of segments, each of them beside another one, in this order. */
function rows(...revisions: readonly Revision[]): ArchivedRow[] {
  return revisions.map(({ id, count, sinks = 1, previousCount = 0, x = 1 }) => {
    const segment = {
      sinks: [7, sinks],
      count: [99, count],
      previousCount: [77, previousCount],
      accumulator: () => ({ functionId: functionId("sum"), x, y: 0, count, sketch: undefined }),
    };
    return { id, row: 1, segment: segment as unknown as ArchivedRow["segment"] };
  });
}

/** Of two stays: in the first one it got the ids below 4, and 4 and 5 were given up. */
const SINK = {
  ...{ id: "x", kind: "toy", bit: 2, sinceId: 10, cursor: 12 },
  earlier: [{ sinceId: 0, untilId: 6, bit: 1, cursor: 4 }],
} as unknown as RegisteredSink;

Deno.test("what a sink has of a series is what its newest revision counts that was not given up", () => {
  const counts = (...revisions: Revision[]) => {
    const { handed, givenUp } = countsFor(SINK, rows(...revisions));
    return [handed, givenUp];
  };
  assert.deepEqual(counts(), [0, 0]);
  assert.deepEqual(counts({ id: 3, count: 5 }, { id: 1, count: 2 }), [5, 0]);
  assert.deepEqual(counts({ id: 5, count: 9 }, { id: 4, count: 7 }, { id: 3, count: 5 }), [5, 4]);
  assert.deepEqual(counts({ id: 5, count: 9 }, { id: 4, count: 7 }), [0, 9]);
  assert.deepEqual(counts({ id: 7, count: 9 }, { id: 3, count: 5 }), [5, 0], "between its stays");
  assert.deepEqual(counts({ id: 3, count: 9, sinks: 2 }, { id: 1, count: 5, sinks: 3 }), [5, 0]);
  const waits = { id: 15, count: 12, sinks: 2 };
  assert.deepEqual(counts(waits, { id: 11, count: 9, sinks: 2 }, { id: 5, count: 7 }), [12, 0]);
});

Deno.test("events went to no sink by the revisions since the last one that went to one, numbers alone", () => {
  const unrouted = (...revisions: Omit<Revision, "id">[]) =>
    unroutedIn(rows(...revisions.map((revision, id) => ({ id, ...revision }))));
  assert.equal(unrouted(), 0);
  assert.equal(unrouted({ count: 9, previousCount: 4 }), 0);
  const newest = { count: 9, previousCount: 5, sinks: 0 };
  const before = { count: 5, previousCount: 2, sinks: 0 };
  assert.equal(unrouted(newest, before), 7);
  assert.equal(unrouted(newest, { ...before, x: Infinity }, { count: 2, sinks: 0 }), 6);
  assert.equal(unrouted(newest, { ...before, sinks: 4 }, { count: 2, sinks: 0 }), 4);
});
