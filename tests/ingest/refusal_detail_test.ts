import assert from "node:assert/strict";
import { likelyCause } from "../../src/ingest/refusal_cause.ts";
import { refusalDetail, statedTimeMs } from "../../src/ingest/refusal_detail.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import { scanEvent } from "../../src/codec/event_scanner.ts";

const NOW_MS = Date.parse("2026-11-26T15:00:00Z");

function detailOf(timestamp: string): string {
  const raw = new TextEncoder().encode(`{"name":"a","value":1,"timestamp":${timestamp}}`);
  const batch = new EventBatch();
  scanEvent(raw, batch);
  assert.equal(batch.count, 1, timestamp);
  return refusalDetail("future", statedTimeMs(batch.timeMs[0]!, raw), NOW_MS, 1);
}

Deno.test("a timestamp that would fit another unit is refused with that hint", () => {
  const ms = NOW_MS - 5_000;
  assert.match(
    detailOf(`${ms}`),
    /MAX_FUTURE_SKEW; it looks like milliseconds, and has to be in seconds \(EVENT_TIME_UNIT says in what\)$/,
  );
  assert.match(detailOf(`${ms}.25`), /milliseconds/);
  assert.match(detailOf(`${ms}123`), /microseconds/);
  assert.match(detailOf(`${ms}123456`), /nanoseconds/);
  assert.match(detailOf(`${Date.parse("2005-01-01T00:00:00Z")}`), /milliseconds/);
});

Deno.test("a time that is merely ahead, or fits no unit, gets no hint", () => {
  for (const timestamp of [NOW_MS / 1000 + 3600, "4102444800", "1e11", "1e300", NOW_MS * 3]) {
    assert.doesNotMatch(detailOf(`${timestamp}`), /looks like/, `${timestamp}`);
  }
});

Deno.test("how far a time is from now is told, where that is known", () => {
  const hour = 3_600_000;
  assert.match(
    refusalDetail("future", NOW_MS + 5.1 * hour, NOW_MS, 1),
    /MAX_FUTURE_SKEW \(5\.1 h ahead of now\)$/,
  );
  assert.match(refusalDetail("late", NOW_MS - 72 * hour, NOW_MS, 1), /CORRECTION_HORIZON \(3 days ago\)$/);
  assert.match(refusalDetail("overflow", NOW_MS, NOW_MS, 1), /MAX_SERIES$/);
});

Deno.test("other refusals, and an event that was cut, are told without it", () => {
  assert.match(refusalDetail("late", NOW_MS * 1000, NOW_MS, 1), /CORRECTION_HORIZON \(.* ahead of now\)$/);
  const cut = new TextEncoder().encode('{"name":"aaa');
  const timeMs = statedTimeMs(Number.MAX_SAFE_INTEGER, cut);
  assert.match(refusalDetail("future", timeMs, NOW_MS, 1), /MAX_FUTURE_SKEW$/);
});

Deno.test("times that are no numbers are in no other unit", () => {
  assert.match(refusalDetail("future", NOW_MS * 1000, NOW_MS, undefined), /MAX_FUTURE_SKEW \(/);
  const cause = likelyCause("future", { detail: "", timeMs: NOW_MS * 1000, perSecond: undefined }, NOW_MS);
  assert.doesNotMatch(cause, /timestamps are in/);
});

Deno.test("of a time in a coarser unit than the one that is set, the unit is named", () => {
  assert.match(
    refusalDetail("future", NOW_MS / 1000, NOW_MS, 1000),
    /^timestamp of 1970; it looks like seconds, .* in milliseconds /,
  );
  assert.match(
    refusalDetail("future", NOW_MS / 1e6, NOW_MS, 1e9),
    /it looks like milliseconds, .* in nanoseconds /,
  );
  assert.match(refusalDetail("late", NOW_MS - 86_400_000, NOW_MS, 1000), /CORRECTION_HORIZON \(24 h ago\)$/);
  const cause = likelyCause("future", { detail: "", timeMs: NOW_MS / 1e9, perSecond: 1e9 }, NOW_MS);
  assert.match(cause, /timestamps are in seconds, not in nanoseconds/);
});
