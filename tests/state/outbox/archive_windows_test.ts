import assert from "node:assert/strict";
import type { SoughtSeries } from "../../../src/contract/read_back.ts";
import { DroppedWindows } from "../../../src/aggregation/dropped_windows.ts";
import { writeDroppedWindows } from "../../../src/state/checkpoint/dropped_windows.ts";
import { readDeadLetters } from "../../../src/state/letters/dead_letters.ts";
import {
  archivedSinceMs,
  archivedWindows,
  newestWindows,
  segmentsOf,
  SeriesInArchive,
  windowLengths,
} from "../../../src/state/outbox/archive_windows.ts";
import type { WindowKey } from "../../../src/state/outbox/expected_rows.ts";
import { type Inside, withInside } from "../inside.ts";

const SECOND = { lengthMs: 1000, hopMs: 1000 };
const LONG = { lengthMs: 4000, hopMs: 4000 };

const withTiers = (work: (inside: Inside) => void) => withInside(work, { tiers: [SECOND, LONG] });

function publish(inside: Inside, ...events: readonly object[]): void {
  inside.take(events.map((event) => ({ name: "a", value: 1, timestamp: 0, ...event })));
  inside.save(true);
}

const spans = (windows: readonly WindowKey[]) => windows.map(({ startMs, endMs }) => `${startMs}-${endMs}`);

Deno.test("windows of one length are found by the time in which they start, oldest first", () =>
  withTiers((inside) => {
    const { state } = inside;
    assert.deepEqual(windowLengths(state), []);
    publish(inside, { timestamp: 9 }, { timestamp: 1 }, { timestamp: 5 });
    publish(inside, { timestamp: 5 });
    assert.deepEqual(windowLengths(state), [1000, 4000]);
    const found = (lengthMs: number, fromMs: number, untilMs: number, limit = 9) =>
      spans(archivedWindows(state, lengthMs, { fromMs, untilMs, limit }));
    assert.deepEqual(found(1000, 1000, 9000), ["1000-2000", "5000-6000"]);
    assert.deepEqual(found(1000, 1001, 9001), ["5000-6000", "9000-10000"]);
    assert.deepEqual(found(1000, 0, 99_000, 2), ["1000-2000", "5000-6000"]);
    assert.deepEqual(found(4000, 0, 8000), ["0-4000", "4000-8000"]);
    assert.deepEqual(found(4000, 1, 99_000), ["4000-8000", "8000-12000"]);
    assert.deepEqual(found(2000, 0, 99_000), []);
  }));

Deno.test("the newest windows come newest first, with the segments that they have", () =>
  withTiers((inside) => {
    publish(inside, { timestamp: 1 }, { timestamp: 5 }, { timestamp: 9 });
    publish(inside, { timestamp: 5 });
    const newest = (lengthMs: number, limit: number) =>
      newestWindows(inside.state, lengthMs, limit).map(({ startMs, endMs, segments }) =>
        `${startMs}-${endMs}: ${segments}`
      );
    assert.deepEqual(newest(1000, 9), ["9000-10000: 1", "5000-6000: 2", "1000-2000: 1"]);
    assert.deepEqual(newest(1000, 1), ["9000-10000: 1"]);
    assert.deepEqual(newest(4000, 2), ["8000-12000: 1", "4000-8000: 2"]);
  }));

Deno.test("a window's segments come in the order of their ids, without what was sent anew", () =>
  withTiers((inside) => {
    const { outbox, state } = inside;
    publish(inside, { timestamp: 1 });
    const { aggregates: [refused] } = outbox.read("all", 0, 1)!;
    outbox.reject("all", refused!, { reason: "rejected", detail: "no" }, 1);
    inside.request("retry", readDeadLetters(state, { limit: 9 }));
    publish(inside, { timestamp: 1 });
    const all = state.all<{ reissued: number }>("SELECT reissued FROM segment ORDER BY first_id");
    assert.deepEqual(all.map(({ reissued }) => reissued), [0, 0, 1, 0, 0]);
    const [first, second, none] = segmentsOf(state, { startMs: 1000, endMs: 2000 });
    assert.equal(first, 0);
    assert.ok(second! > first!);
    assert.equal(none, undefined);
    assert.equal(segmentsOf(state, { startMs: 0, endMs: 4000 }).length, 2);
    assert.deepEqual(segmentsOf(state, { startMs: 0, endMs: 2000 }), []);
    assert.deepEqual(segmentsOf(state, { startMs: 1000, endMs: 4000 }), []);
  }));

Deno.test("the archive goes back to its oldest window, or to where windows were deleted", () =>
  withTiers((inside) => {
    const { state } = inside;
    const since = (...lengths: number[]) => archivedSinceMs(state, lengths, 9e9);
    assert.equal(since(1000, 4000), undefined);
    publish(inside, { timestamp: 9 }, { timestamp: 5 });
    assert.equal(since(1000), 5000);
    assert.equal(since(4000), 4000);
    assert.equal(since(1000, 4000), 4000);
    assert.equal(since(2000), undefined);
    const dropped = new Map([[1000, [{ startMs: 0, endMs: 3000 }, { startMs: 4000, endMs: 4500 }]]]);
    writeDroppedWindows(state, new DroppedWindows(dropped));
    assert.deepEqual([since(1000), since(4000), since(1000, 4000)], [4500, 4000, 4500]);
    writeDroppedWindows(state, new DroppedWindows(dropped, [{ startMs: 0, endMs: 4600 }]));
    assert.deepEqual([since(1000), since(4000)], [4600, 4600]);
  }));

/** Of any function and labels, unless they are named. */
type Sought = Pick<SoughtSeries, "name"> & Partial<SoughtSeries>;

/** What is found in a window: the steps it took, and each aggregate. */
function rowsOf(inside: Inside, sought: Sought, window: WindowKey): [steps: number, rows: string[]] {
  const any = { aggFunc: undefined, labels: {} };
  const walk = new SeriesInArchive(inside.state, { ...any, ...sought }).rowsOf(window);
  for (let steps = 0;; steps++) {
    const { done, value } = walk.next();
    if (!done) continue;
    return [
      steps,
      value.map(({ name, labels = "", aggFunc, count, revision }) =>
        `${aggFunc}(${name}${labels}) ${count} r${revision}`
      ),
    ];
  }
}

Deno.test("the rows of a series are those of its name, function and labels, in all revisions, a segment a step", () =>
  withTiers((inside) => {
    const window = { startMs: 0, endMs: 1000 };
    const line = { labels: { line: "1" } };
    publish(inside, { agg_func: "max" }, line, { labels: { line: "1", site: "x" } }, { name: "ab" }, {
      name: "b",
      labels: { line: "a" },
    });
    publish(inside, { name: "c" });
    publish(inside, line);
    const all = (sought: Sought) => rowsOf(inside, sought, window)[1].toSorted();
    assert.deepEqual(rowsOf(inside, { name: "a", labels: { site: "x" } }, window), [3, [
      'sum(a{"line":"1","site":"x"}) 1 r0',
    ]]);
    assert.deepEqual(all({ name: "a" }), [
      "max(a) 1 r0",
      'sum(a{"line":"1","site":"x"}) 1 r0',
      'sum(a{"line":"1"}) 1 r0',
      'sum(a{"line":"1"}) 2 r1',
    ]);
    assert.deepEqual(all({ name: "a", aggFunc: "max" }), ["max(a) 1 r0"]);
    assert.equal(all({ name: "a", aggFunc: "sum" }).length, 3);
    assert.deepEqual(all({ name: "a", aggFunc: "min" }), []);
    assert.deepEqual(all({ name: "ab" }), ["sum(ab) 1 r0"]);
    assert.deepEqual(all({ name: "b" }), ['sum(b{"line":"a"}) 1 r0']);
    assert.deepEqual(all({ name: "c" }), ["sum(c) 1 r0"]);
    assert.deepEqual(all({ name: "abc" }), []);
    assert.deepEqual(all({ name: "line" }), []);
    assert.deepEqual(rowsOf(inside, { name: "zz" }, window), [3, []]);
    assert.deepEqual(rowsOf(inside, { name: "a" }, { startMs: 1000, endMs: 2000 }), [0, []]);
    const revisions = rowsOf(inside, { name: "a", aggFunc: "sum", ...line }, window)[1]
      .filter((row) => !row.includes("site"));
    assert.deepEqual(revisions, ['sum(a{"line":"1"}) 1 r0', 'sum(a{"line":"1"}) 2 r1']);
  }));
