import assert from "node:assert/strict";
import { hintsOf } from "../../src/cli/tap_hints.ts";
import type { SeriesPageRecord, SeriesRecord } from "../../src/control/series_record.ts";

const NOW_SECONDS = 1_700_000_000;

function series(name: string, given: Partial<SeriesRecord> = {}, sinks = ["sqlite"]): SeriesRecord {
  const newest = { value: 1, window_start: 0, window_end: 1, count: 1, revision: 0, sinks, waiting_for: [] };
  return {
    name,
    agg_func: "sum",
    silent_since: null,
    new_since: null,
    tiers: [{ window_seconds: 1, open: true, newest }],
    ...given,
  };
}

function hints(page: Partial<SeriesPageRecord>): string[] {
  return hintsOf(
    { series: [], near: [], near_left_off: 0, dropped: [], troubles: [], tiers: [], next: null, ...page },
    NOW_SECONDS * 1000,
  );
}

Deno.test("what is unusual about the series of a tap is said in a line each, and nothing about others", () => {
  assert.deepEqual(hints({ series: [series("plant6.oven")] }), []);
  assert.deepEqual(hints({ series: [series("plant6.oven", { labels: { line: "4" } }, [])] }), [
    "plant6.oven{line=4} (sum): a rule of ROUTES drops its aggregates (`=none`)",
  ]);
  const late = {
    name: "plant7.oven",
    source: "bus",
    late: 1234,
    refused: { future: 0, late: 5, overflow: 0 },
    behind_seconds: 10_800,
    since: NOW_SECONDS - 60,
    last_at: NOW_SECONDS - 2,
  };
  assert.deepEqual(hints({ troubles: [late] }), [
    "plant7.oven: 1,234 late, which corrected older windows, 5 refused as late; " +
    "the latest came 2.0 s ago and is 3 h 0 min late",
  ]);
});

Deno.test("for a name that is not there, or silent, similar ones are named", () => {
  const near = [series("Plant-7.oven", { new_since: NOW_SECONDS - 120 }), series("plant8.oven")];
  const similar = "Plant-7.oven, first seen 2 min 0 s ago; plant8.oven";
  assert.deepEqual(hints({ near }), [
    "no series of the newest windows is called so",
    `similar names: ${similar}`,
  ]);
  assert.deepEqual(hints({ near, series: [series("plant7.oven", { silent_since: NOW_SECONDS - 120 })] }), [
    `perhaps renamed to: ${similar}`,
    "plant7.oven (sum): silent for 2 min 0 s",
  ]);
  const wasLate = {
    name: "plant7.oven",
    source: "bus",
    late: 5,
    refused: { future: 0, late: 0, overflow: 0 },
    behind_seconds: 10_800,
    since: NOW_SECONDS - 600,
    last_at: NOW_SECONDS - 200,
  };
  const stopped = series("plant7.oven", { silent_since: NOW_SECONDS - 120 });
  const past = hints({ near, series: [stopped], troubles: [wasLate] });
  assert.equal(past[0], `perhaps renamed to: ${similar}`, "what came late before hides no silence of now");
  assert.equal(past.at(-1), "plant7.oven (sum): silent for 2 min 0 s");
  const silent = Array.from(
    { length: 9 },
    (_, i) => series(`plant7.${i}`, { silent_since: NOW_SECONDS - 120 }),
  );
  const fresh = series("plant7.oven", { new_since: NOW_SECONDS - 60 });
  assert.equal(hints({ series: [...silent, fresh] })[0], "plant7.oven (sum): first seen 1 min 0 s ago");
});
