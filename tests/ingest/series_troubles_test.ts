import assert from "node:assert/strict";
import { scanReply } from "../../src/codec/reply_scanner.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import { lateDataAlarm } from "../../src/ingest/late_data.ts";
import { type SeriesTrouble, SeriesTroubles } from "../../src/ingest/series_troubles.ts";

const HOUR_MS = 3_600_000;
const NOW_MS = 1_700_000_000_000;

function batchOf(events: readonly { readonly name: string; readonly agoMs: number }[]): EventBatch {
  const batch = new EventBatch();
  const all = events.map(({ agoMs, name }) => ({
    name,
    value: 1,
    timestamp: (NOW_MS - agoMs) / 1000,
    labels: { line: "4" },
  }));
  scanReply(
    new TextEncoder().encode(JSON.stringify({ log: "a", offset: 0, next: all.length, events: all })),
    batch,
  );
  return batch;
}

Deno.test("a series is remembered with how many of its events were late or refused, and how late the latest was", () => {
  const troubles = new SeriesTroubles();
  const batch = batchOf([{ name: "oven", agoMs: HOUR_MS }, { name: "oven", agoMs: -HOUR_MS }]);
  troubles.note(batch, 0, undefined, "plant", HOUR_MS, NOW_MS);
  troubles.note(batch, 1, "future", "plant", -HOUR_MS, NOW_MS + 1000);
  assert.deepEqual([...troubles.all], [{
    name: "oven",
    labels: '{"line":"4"}',
    bus: "plant",
    late: 1,
    refused: { future: 1, late: 0, overflow: 0 },
    behindMs: -HOUR_MS,
    sinceMs: NOW_MS,
    lastMs: NOW_MS + 1000,
  }]);
  troubles.note(batch, 0, undefined, "plant", HOUR_MS, NOW_MS + HOUR_MS);
  assert.equal([...troubles.all][0]!.sinceMs, NOW_MS + HOUR_MS, "after a quiet time it begins anew");
});

Deno.test("the memory is bounded: series beyond it are only counted, until old ones are forgotten", () => {
  const troubles = new SeriesTroubles();
  const batch = batchOf(Array.from({ length: 1005 }, (_, i) => ({ name: `n${i}`, agoMs: HOUR_MS })));
  for (let i = 0; i < batch.count; i++) troubles.note(batch, i, undefined, "plant", HOUR_MS, NOW_MS);
  assert.deepEqual([[...troubles.all].length, troubles.ofOthers], [1000, 5]);
  troubles.note(batch, 1004, undefined, "plant", HOUR_MS, NOW_MS + 2 * HOUR_MS);
  assert.deepEqual([...troubles.all].map(({ name }) => name), ["n1004"]);
});

Deno.test("a quiet time is longer than five minutes, and the bus is that of the latest event", () => {
  const troubles = new SeriesTroubles();
  const batch = batchOf([{ name: "oven", agoMs: HOUR_MS }]);
  const sinceAfter = (bus: string, nowMs: number) => {
    troubles.note(batch, 0, undefined, bus, HOUR_MS, nowMs);
    const [{ sinceMs, bus: latest }] = [...troubles.all] as [SeriesTrouble];
    return [sinceMs - NOW_MS, latest];
  };
  assert.deepEqual(sinceAfter("a", NOW_MS), [0, "a"]);
  assert.deepEqual(sinceAfter("b", NOW_MS + 300_000), [0, "b"]);
  assert.deepEqual(sinceAfter("b", NOW_MS + 600_001), [600_001, "b"]);
});

Deno.test("room is looked for every ten seconds, also after the clock was set back, and made of what is an hour old", () => {
  const troubles = new SeriesTroubles();
  const batch = batchOf(Array.from({ length: 1005 }, (_, i) => ({ name: `n${i}`, agoMs: HOUR_MS })));
  const note = (i: number, nowMs: number) => {
    troubles.note(batch, i, undefined, "plant", HOUR_MS, nowMs);
    return troubles.ofOthers;
  };
  for (let i = 0; i < 1000; i++) note(i, NOW_MS + (i < 999 ? 20_000 : 0));
  assert.equal(note(1000, NOW_MS + HOUR_MS), 1, "an hour is not more than an hour");
  assert.equal(note(1000, NOW_MS + HOUR_MS + 9999), 2, "nobody looks again yet");
  assert.equal(note(1000, NOW_MS + HOUR_MS + 10_000), 2, "the oldest has made room for it");
  assert.equal(note(1001, NOW_MS + HOUR_MS + 20_000), 3);
  assert.equal(note(1001, NOW_MS - 2 * HOUR_MS), 3, "by that clock all are far from now");
  assert.deepEqual([...troubles.all].map(({ name }) => name), ["n1001"]);
});

Deno.test("an alarm names the series whose events keep coming late, and the likely cause", () => {
  const troubles = new SeriesTroubles();
  const batch = batchOf([{ name: "oven", agoMs: 3 * HOUR_MS }, { name: "press", agoMs: 60_000 }]);
  const note = (i: number, times: number) => {
    for (let time = 0; time < times; time++) {
      troubles.note(batch, i, undefined, "plant", [3 * HOUR_MS, 60_000][i]!, NOW_MS);
    }
  };
  note(0, 9);
  note(1, 50);
  assert.deepEqual(lateDataAlarm(troubles.all, NOW_MS), [], "single late events, and small delays");
  note(0, 1);
  const [{ detail, reason, since }] = lateDataAlarm(troubles.all, NOW_MS) as [
    ReturnType<typeof lateDataAlarm>[0],
  ];
  assert.deepEqual([reason, since], ["late_data", NOW_MS / 1000]);
  assert.match(
    detail,
    /^1 series keeps sending late events: oven\{line=4\} \(the latest event is 3 h late\)\. /,
  );
  assert.match(detail, /local time, not in UTC/);
  assert.doesNotMatch(detail, /None has come/);
  const [later] = lateDataAlarm(troubles.all, NOW_MS + 120_000);
  assert.match(later!.detail, /None has come for 2 min; the alarm ends after 5 min without/);
  assert.deepEqual(lateDataAlarm(troubles.all, NOW_MS + HOUR_MS), [], "it is over");
});
