/** What an operator reads of events that are refused or late. */
import assert from "node:assert/strict";
import { lateDataAlarm } from "../../src/ingest/late_data.ts";
import { listed } from "../../src/ingest/listed.ts";
import { delayCause, likelyCause } from "../../src/ingest/refusal_cause.ts";
import type { SeriesTrouble } from "../../src/ingest/series_troubles.ts";
import { spanInWords } from "../../src/ingest/span_in_words.ts";

const NOW_MS = 2_000_000_000_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const YEAR_MS = 366 * 24 * HOUR_MS;

Deno.test("a span is told in the unit that fits it", () => {
  const cases: [seconds: number, text: string][] = [
    [0, "0 s"],
    [1.4, "1 s"],
    [119.4, "119 s"],
    [119.5, "2 min"],
    [150, "3 min"],
    [7199, "120 min"],
    [7200, "2 h"],
    [7560, "2.1 h"],
    [172_799, "48 h"],
    [172_800, "2 days"],
    [86_400_000, "1,000 days"],
  ];
  for (const [seconds, text] of cases) assert.equal(spanInWords(seconds * 1000), text);
  for (const none of [NaN, Infinity, -Infinity]) assert.equal(spanInWords(none), "an unknown time");
});

Deno.test("three names are listed, and how many more there are", () => {
  const names = ["a", "b", "c", "d", "e"];
  assert.deepEqual([0, 1, 3, 4, 5].map((count) => listed(names.slice(0, count))), [
    "",
    "a",
    "a, b, c",
    "a, b, c and 1 more",
    "a, b, c and 2 more",
  ]);
});

Deno.test("events that come late by whole quarters of an hour, give or take two minutes, are in local time", () => {
  const zone = (ms: number) =>
    /local time, not in UTC \(they are (.*) behind\)/.exec(delayCause(ms, NOW_MS))?.[1];
  const cases: [behindMs: number, zone: string | undefined][] = [
    [0, undefined],
    [2 * MINUTE_MS, undefined],
    [13 * MINUTE_MS - 1, undefined],
    [13 * MINUTE_MS, "15 min"],
    [15 * MINUTE_MS, "15 min"],
    [17 * MINUTE_MS, "15 min"],
    [17 * MINUTE_MS + 1, undefined],
    [HOUR_MS, "60 min"],
    [14 * HOUR_MS + 2 * MINUTE_MS, "14 h"],
    [14 * HOUR_MS + 2 * MINUTE_MS + 1, undefined],
    [14.25 * HOUR_MS, undefined],
    [-HOUR_MS, undefined],
  ];
  for (const [behindMs, expected] of cases) assert.equal(zone(behindMs), expected, `${behindMs}`);
  assert.match(delayCause(14.25 * HOUR_MS, NOW_MS), /clocks are behind, or what they have kept/);
  assert.match(delayCause(NOW_MS - YEAR_MS + 1, NOW_MS), /never set \(they say 1970\)/);
  assert.doesNotMatch(delayCause(NOW_MS - YEAR_MS, NOW_MS), /never set/);
});

Deno.test("the likely cause of a refusal is judged by its reason and a sample", () => {
  const cause = (
    ...[reason, timeMs, detail = "", perSecond]: [
      Parameters<typeof likelyCause>[0],
      number | undefined,
      string?,
      number?,
    ]
  ) => likelyCause(reason, { detail, timeMs, perSecond }, NOW_MS);
  assert.equal(
    cause("invalid", undefined, "no function x"),
    "The latest: no function x. Likely cause: devices name a function that this version does not have.",
  );
  assert.match(cause("invalid", undefined, "no name"), /^The latest: no name\. .*publishes another format/);
  assert.match(cause("overflow", undefined), /never come again.*MAX_SERIES/);
  const late = (timeMs: number | undefined) => cause("late", timeMs);
  assert.match(late(YEAR_MS - 1), /^Likely cause: .*never set \(they say 1970\)/);
  assert.match(late(YEAR_MS), /kept for longer than CORRECTION_HORIZON \(the latest is of 22,782 days ago\)/);
  assert.match(late(NOW_MS - HOUR_MS), /local time, not in UTC \(they are 60 min behind\)/);
  assert.match(late(NOW_MS + HOUR_MS), /of -3600 s ago/);
  assert.match(late(undefined), /of an unknown time ago/);
  assert.match(late(YEAR_MS), /--reason late` shows .* with a longer CORRECTION_HORIZON; the timestamps/);
  const future = (timeMs: number | undefined, perSecond?: number) => cause("future", timeMs, "", perSecond);
  assert.match(future(NOW_MS * 1000, 1), /^Likely cause: timestamps are in milliseconds, not in seconds\. /);
  assert.match(future(NOW_MS * 1000), /clocks are ahead/);
  assert.match(future(NOW_MS + 2 * HOUR_MS, 1), /local time, not in UTC \(they are 2 h ahead\)/);
  assert.match(
    future(NOW_MS + 20 * HOUR_MS, 1),
    /clocks are ahead \(the latest by 20 h\), or this host's is/,
  );
  assert.match(future(undefined), /the latest by an unknown time/);
  assert.match(future(undefined), /--reason future` shows .* once this host's clock or a setting is mended/);
});

/** A series with ten events that came more than ten minutes late, the last one just now. */
const TROUBLE: SeriesTrouble = {
  name: "oven",
  bus: "b",
  late: 7,
  refused: { future: 50, late: 3, overflow: 50 },
  behindMs: 600_001,
  sinceMs: NOW_MS - 1_234_600,
  lastMs: NOW_MS,
};

Deno.test("a series keeps sending late events from ten on that are over ten minutes late, until five minutes without", () => {
  const isAlarm = (changes: Partial<SeriesTrouble>) =>
    lateDataAlarm([{ ...TROUBLE, ...changes }], NOW_MS).length > 0;
  const cases: [changes: Partial<SeriesTrouble>, isAlarm: boolean][] = [
    [{}, true],
    [{ behindMs: 600_000 }, false],
    [{ late: 6 }, false],
    [{ refused: { future: 50, late: 2, overflow: 50 } }, false],
    [{ late: 10, refused: { future: 0, late: 0, overflow: 0 } }, true],
    [{ lastMs: NOW_MS - 300_000 }, true],
    [{ lastMs: NOW_MS - 300_001 }, false],
    [{ lastMs: NOW_MS + 300_000 }, true],
    [{ lastMs: NOW_MS + 300_001 }, false],
  ];
  for (const [changes, expected] of cases) assert.equal(isAlarm(changes), expected, JSON.stringify(changes));
  assert.deepEqual(lateDataAlarm([], NOW_MS), []);
});

Deno.test("the alarm over late data names the series, the oldest trouble first, and the likely cause", () => {
  const [alarm, ...others] = lateDataAlarm([TROUBLE], NOW_MS);
  assert.deepEqual(others, []);
  assert.deepEqual([alarm!.reason, alarm!.since], ["late_data", Math.round((NOW_MS - 1_234_600) / 1000)]);
  assert.match(
    alarm!.detail,
    /^1 series keeps sending late events: oven \(the latest event is 10 min late\)\. Likely cause: the devices/,
  );
  const earlier = { ...TROUBLE, name: "hall", labels: '{"line":"1"}', sinceMs: 5400, behindMs: HOUR_MS };
  const [both] = lateDataAlarm([TROUBLE, earlier], NOW_MS);
  assert.equal(both!.since, 5);
  assert.match(
    both!.detail,
    /^2 series keep sending late events: hall\{line=1\} \(.*60 min late\), oven \(.*local time, not in UTC/,
  );
});

Deno.test("once late data has stopped for half a minute, the alarm says so, by the latest event of all", () => {
  const detail = (...lastMs: number[]) =>
    lateDataAlarm(lastMs.map((ms) => ({ ...TROUBLE, lastMs: ms })), NOW_MS)[0]!.detail;
  assert.doesNotMatch(detail(NOW_MS - 29_999), /None has come/);
  assert.match(
    detail(NOW_MS - 30_000),
    /\. None has come for 30 s; the alarm ends after 5 min without\. Likely/,
  );
  assert.match(detail(NOW_MS - 200_000, NOW_MS - 40_000), /None has come for 40 s/);
  assert.doesNotMatch(detail(NOW_MS + 60_000), /None has come/);
});
