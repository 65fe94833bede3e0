import assert from "node:assert/strict";
import type { History } from "../../src/api/history_endpoint.ts";
import { withGaps } from "../../src/dashboard/charts/time_grid.ts";
import {
  lagLines,
  refusedLines,
  throughputLines,
  unreadLines,
} from "../../src/dashboard/history/history_lines.ts";
import { labelsOf, labelsParameter } from "../../src/dashboard/series/series_name.ts";
import { pointsOf } from "../../src/dashboard/series/series_points.ts";

Deno.test("a line ends before a gap, and what is not known stays empty", () => {
  const table = { times: [10, 20, 50, 60], columns: [[1, null, 3, 4], [5, 6, 7]] };
  assert.deepEqual(withGaps(table, 10), {
    times: [10, 20, 30, 50, 60],
    columns: [[1, null, null, 3, 4], [5, 6, null, 7, null]],
  });
  assert.deepEqual(withGaps({ times: [], columns: [[]] }, 10), { times: [], columns: [[]] });
});

Deno.test("counts become rates of the time that the handler ran, and lines that say nothing are left out", () => {
  const history = {
    seconds: [10, 0, 5],
    events: { received: [20, 0, 5], aggregated: [10, 0, 5], invalid: [10, 0, 0], future: [0, 0, 0] },
    watermark_lag_seconds: [null, 1, 2],
    sources: [{ name: "a", received: [20, 0, 5], lag_seconds: [3, 3, 3], unread: [null, null, null] }],
    sinks: [{ name: "s", rejected: [0, 0, 0] }, { name: "t", rejected: [null, 0, 1] }],
  } as unknown as History;
  const whole = { ...history, events: { ...history.events, late: [0, 0, 0], overflow: [0, 0, 0] } };
  assert.deepEqual(throughputLines(whole), [
    { name: "received", values: [2, null, 1] },
    { name: "aggregated", values: [1, null, 1] },
  ]);
  assert.deepEqual(refusedLines(whole), [
    { name: "invalid", values: [60, null, 0] },
    { name: "rejected by t", values: [null, null, 12] },
  ]);
  assert.deepEqual(lagLines(whole).map(({ name }) => name), ["watermark", "a"]);
  assert.deepEqual(unreadLines(whole), []);
});

Deno.test("the newest revision of a window counts, and a restored state's revisions are no corrections", () => {
  const aggregate = (window_start: number, revision: number, value: number) => ({
    name: "n",
    agg_func: "sum",
    value,
    timestamp: window_start,
    window_start,
    window_end: window_start + 1,
    count: 1,
    revision,
    instance: "i",
  });
  const found = [
    aggregate(5, 200_000_000, 9),
    aggregate(3, 0, 1),
    aggregate(3, 1, 2),
    aggregate(4, 2, 7),
    aggregate(2, 0, 3),
  ];
  assert.deepEqual(
    pointsOf(found).map(({ before, isCorrected, time, value }) => [time, value, isCorrected, before]),
    [[2, 3, false, undefined], [3, 2, true, 1], [4, 7, true, undefined], [5, 9, false, undefined]],
  );
});

Deno.test("labels in an address are read back in any order, and what is no labels is none", () => {
  assert.equal(labelsParameter({ b: "2", a: "1" }), '{"a":"1","b":"2"}');
  assert.equal(labelsParameter({}), "");
  assert.deepEqual(labelsOf('{"b":"2"}'), { b: "2" });
  for (const bad of ["{", "[]", "null", '{"a":1}']) assert.equal(labelsOf(bad), undefined);
});
