import assert from "node:assert/strict";
import type { EventBooks } from "../../src/aggregation/event_books.ts";
import { likelyCause } from "../../src/ingest/refusal_cause.ts";
import { RefusalWatch } from "../../src/ingest/refusal_watch.ts";
import type { SeriesTrouble } from "../../src/ingest/series_troubles.ts";
import { LoneClock } from "./rig.ts";

const NOW_MS = 2_000_000_000_000;
const NOTHING: EventBooks = {
  received: 0,
  aggregated: 0,
  duplicate: 0,
  invalid: 0,
  future: 0,
  late: 0,
  overflow: 0,
  dropped: 0,
};

function watchOf(...buses: string[]) {
  const clock = new LoneClock(NOW_MS);
  const troubles: SeriesTrouble[] = [];
  const watch = new RefusalWatch(buses, clock, () => troubles);
  return {
    clock,
    watch,
    troubles,
    take: (bus: number, counts: Partial<EventBooks>) => watch.count(bus, NOTHING, { ...NOTHING, ...counts }),
    /** What began and what ended in the minute that is over now. */
    minute: () => {
      clock.ms += 60_000;
      const { begun, ended } = watch.look();
      return [begun.map(({ reason }) => reason), ended.map(({ reason }) => reason)];
    },
  };
}

Deno.test("over a tenth of a minute's events is an alarm, told once, that ends by itself", () => {
  const { watch, take, minute } = watchOf("http://a");
  take(0, { received: 200, aggregated: 180, future: 20 });
  assert.deepEqual(minute(), [[], []], "a tenth is not over a tenth");
  take(0, { received: 200, aggregated: 179, future: 21 });
  assert.deepEqual(minute(), [["future"], []]);
  assert.match(watch.alarms[0]!.detail, /^21 of a minute's 200 events are refused as future\. /);
  take(0, { received: 200, aggregated: 100, future: 100 });
  assert.deepEqual(minute(), [[], []], "it goes on, and has been told");
  assert.match(watch.alarms[0]!.detail, /^100 of a minute's 200 events/);
  assert.equal(watch.alarms[0]!.since, NOW_MS / 1000 + 120);
  take(0, { received: 200, aggregated: 200 });
  assert.deepEqual(minute(), [[], ["future"]]);
  assert.deepEqual(watch.alarms, []);
});

Deno.test("all that one bus brings is an alarm, however little it is; each reason has its own", () => {
  const { watch, take, minute } = watchOf("http://a", "http://b");
  take(0, { received: 5000, aggregated: 5000 });
  take(1, { received: 3, late: 2, invalid: 1 });
  assert.deepEqual(minute(), [["late"], []]);
  assert.match(
    watch.alarms[0]!.detail,
    /^2 of a minute's 5003 events, and all of http:\/\/b are refused as late/,
  );
  take(0, { received: 100, aggregated: 40, overflow: 30, invalid: 30 });
  take(1, { received: 3, aggregated: 3 });
  assert.deepEqual(minute(), [["invalid", "overflow"], ["late"]]);
});

Deno.test("an alarm names the series of the latest refused events, those with the most first", () => {
  const { clock, watch, troubles, take, minute } = watchOf("http://a");
  const trouble = (name: string, future: number, late: number, agoMs: number): SeriesTrouble => ({
    ...{ name, bus: "http://a", late: 0, refused: { future, late, overflow: 0 }, behindMs: -1, sinceMs: 0 },
    lastMs: clock.nowMs() + 60_000 - agoMs,
  });
  troubles.push(
    ...[trouble("over", 90, 0, 300_001), trouble("late", 0, 90, 0), trouble("few", 1, 0, 0)],
    { ...trouble("most", 60, 0, 300_000), labels: '{"line":"4"}' },
    ...[trouble("some", 30, 0, 0), trouble("other", 9, 0, 0), trouble("less", 4, 0, 0)],
  );
  take(0, { received: 200, aggregated: 50, future: 130, invalid: 20 });
  assert.deepEqual(minute(), [["future"], []]);
  assert.match(
    watch.alarms[0]!.detail,
    /^130 of .* refused as future\. They are of 5 series: most\{line=4\}, some, other and 2 more\. /,
  );
  take(0, { received: 200, aggregated: 100, invalid: 100 });
  minute();
  assert.doesNotMatch(watch.alarms[0]!.detail, /series/, "what is not valid may have no name");
});

Deno.test("an alarm says how long no event has been refused, once it may be over", () => {
  const { clock, watch, take, minute } = watchOf("http://a");
  const detail = () => watch.alarms[0]!.detail;
  take(0, { received: 200, aggregated: 100, future: 100 });
  minute();
  const ago = detail();
  assert.match(ago, / None has come for 60 s; the alarm ends with the first minute without a mass\.$/);
  take(0, { received: 200, aggregated: 199, future: 1 });
  assert.equal(detail(), ago.replace(/ None has come.*/, ""), "they go on");
  clock.ms += 29_999;
  take(0, { received: 50, aggregated: 49, invalid: 1 });
  assert.doesNotMatch(detail(), /None has come/);
  clock.ms += 1;
  assert.match(detail(), / None has come for 30 s;/, "those of another reason do not count");
});

Deno.test("a few bad events among few are no mass; nor are duplicates", () => {
  const { take, minute } = watchOf("http://a");
  take(0, { received: 20, aggregated: 11, invalid: 9 });
  assert.deepEqual(minute(), [[], []]);
  take(0, { received: 100, duplicate: 100 });
  assert.deepEqual(minute(), [[], []]);
});

Deno.test("a minute that has brought enough is not waited for; the last one counts as it is", () => {
  const { watch, take } = watchOf("http://a");
  take(0, { received: 99, future: 99 });
  assert.deepEqual(watch.look().begun, []);
  take(0, { received: 1, future: 1 });
  assert.deepEqual(watch.look().begun.map(({ reason }) => reason), ["future"]);
  assert.deepEqual(watch.look().begun, [], "once");
  const short = watchOf("http://a");
  short.take(0, { received: 3, future: 3 });
  assert.deepEqual(short.watch.look(true).begun.map(({ reason }) => reason), ["future"]);
});

Deno.test("ten of a hundred events are no mass, ten of fewer are; what came before is not counted again", () => {
  const { watch, take, minute } = watchOf("http://a");
  take(0, { received: 99, aggregated: 89, late: 10 });
  assert.deepEqual(minute(), [["late"], []]);
  take(0, { received: 99, aggregated: 90, late: 9 });
  assert.deepEqual(minute(), [[], ["late"]]);
  const before = { ...NOTHING, received: 5000, aggregated: 4000, future: 1000 };
  watch.count(0, before, { ...before, received: 5100, aggregated: 4089, future: 1011 });
  assert.deepEqual(minute(), [["future"], []]);
  assert.match(watch.alarms[0]!.detail, /^11 of a minute's 100 events are refused/);
  watch.count(0, before, { ...before, received: 5001, future: 1001 });
  assert.deepEqual(minute(), [[], []], "one event that is all of a bus");
  assert.match(watch.alarms[0]!.detail, /^1 of a minute's 1 events, and all of http:\/\/a are refused/);
  assert.deepEqual(minute(), [[], ["future"]], "of nothing, nothing is refused");
});

Deno.test("each minute begins when the last one was judged", () => {
  const { clock, watch, take } = watchOf("http://a");
  take(0, { received: 50, aggregated: 50 });
  clock.ms += 70_000;
  assert.deepEqual(watch.look().begun, []);
  take(0, { received: 20, future: 20 });
  clock.ms += 59_999;
  assert.deepEqual(watch.look().begun, [], "it is not over, and has not brought enough");
  clock.ms += 1;
  assert.deepEqual(watch.look().begun.map(({ reason }) => reason), ["future"]);
});

Deno.test("an alarm tells the likely cause by the latest sample, and a single series as one", () => {
  const { clock, watch, troubles, take, minute } = watchOf("http://a");
  watch.sample("future", { detail: "", timeMs: NOW_MS + 3 * 86_400_000, perSecond: 1 });
  watch.sample("future", { detail: "", timeMs: NOW_MS * 1000, perSecond: 1 });
  const refused = { future: 9, late: 0, overflow: 0 };
  const lastMs = clock.nowMs() + 60_000;
  troubles.push({ name: "oven", bus: "http://a", late: 0, refused, behindMs: -1, sinceMs: 0, lastMs });
  take(0, { received: 20, aggregated: 0, future: 20 });
  minute();
  assert.match(watch.alarms[0]!.detail, /refused as future\. They are of 1 series: oven\. .*in milliseconds/);
});

Deno.test("the likely cause is read off the latest event", () => {
  const hour = 3_600_000;
  const cases = [
    ["future", NOW_MS * 1000, /in milliseconds/],
    ["future", NOW_MS * 1e6, /in microseconds/],
    ["future", NOW_MS * 1e9, /in nanoseconds/],
    [
      "future",
      NOW_MS + 2 * hour + 40_000,
      /local time, not in UTC \(they are 120 min|local time, not in UTC \(they are 2 h ahead\)/,
    ],
    ["future", NOW_MS + 5.5 * hour - 3000, /local time, not in UTC \(they are 5\.5 h ahead\)/],
    ["future", NOW_MS + 3 * 24 * hour, /clocks are ahead \(the latest by 3 days\)/],
    ["late", 5000, /never set \(they say 1970\)/],
    ["late", 300 * 24 * hour, /never set \(they say 1970\)/],
    ["late", 400 * 24 * hour, /longer than CORRECTION_HORIZON/],
    ["late", NOW_MS - 14 * hour - 60_000, /local time, not in UTC \(they are 14 h behind\)/],
    ["late", NOW_MS - 14.25 * hour, /longer than CORRECTION_HORIZON/],
    ["late", NOW_MS - 8 * hour, /local time, not in UTC \(they are 8 h behind\)/],
    ["late", NOW_MS - 40 * 24 * hour, /longer than CORRECTION_HORIZON \(the latest is of 40 days ago\)/],
  ] as const;
  for (const [reason, timeMs, cause] of cases) {
    assert.match(likelyCause(reason, { detail: "", timeMs, perSecond: 1 }, NOW_MS), cause);
  }
  for (const reason of ["future", "late"] as const) {
    const told = likelyCause(reason, { detail: "", timeMs: NOW_MS + hour, perSecond: 1 }, NOW_MS);
    assert.ok(told.includes(`\`dead-letters list --reason ${reason}\` shows whose`), told);
    assert.match(told, /clock is wrong stay wrong, so do not retry those\.$/);
  }
  const invalid = (detail: string) => likelyCause("invalid", { detail, timeMs: undefined }, NOW_MS);
  assert.match(invalid('unknown function "median"'), /name a function/);
  assert.match(invalid("no name"), /^The latest: no name\. .*another format/);
});
