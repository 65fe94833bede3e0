/** Times in another unit than the one that is set: refused, whichever way round, with the unit that fits. */
import assert from "node:assert/strict";
import fc from "../../support/fast_check.ts";
import { EventAggregator } from "../../../src/aggregation/event_aggregator.ts";
import { FunctionRules } from "../../../src/aggregation/function_rules.ts";
import { readerFor } from "../../../src/codec/mapping/record_reader.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { refusalDetail } from "../../../src/ingest/refusal_detail.ts";

const NOW_MS = Date.parse("2026-11-27T03:00:00Z");
const SKEW_MS = 3_600_000;
const LONG_MS = 100 * 366 * 86_400_000;
const UNITS = [
  { unit: "s", perSecond: 1, name: "seconds" },
  { unit: "ms", perSecond: 1e3, name: "milliseconds" },
  { unit: "us", perSecond: 1e6, name: "microseconds" },
  { unit: "ns", perSecond: 1e9, name: "nanoseconds" },
] as const;

/** What becomes of an event of that time: its time where it is taken in, else why it is not. */
function outcomeOf(timestamp: number, unit: string): number | string {
  const reader = readerFor({
    format: undefined,
    name: undefined,
    value: undefined,
    timestamp: undefined,
    timeUnit: unit,
  });
  const batch = new EventBatch();
  const bytes = new TextEncoder().encode(`{"name":"a","value":1,"timestamp":${timestamp}}`);
  batch.reset(bytes);
  reader!.begin(batch);
  reader!.read(batch, 0, bytes.length, { arrivedMs: NOW_MS });
  assert.equal(batch.count, 1);
  const aggregator = new EventAggregator({
    tiers: [{ lengthMs: 1000, hopMs: 1000 }],
    sourceCount: 1,
    // However long the lateness, a time of 1970 is none.
    allowedLatenessMs: LONG_MS,
    correctionHorizonMs: LONG_MS,
    dedupMaxIds: 0,
    maxFutureSkewMs: SKEW_MS,
    maxSeries: 10,
    functions: FunctionRules.default,
    hashKey: [1, 2],
  });
  let refused: string | undefined;
  aggregator.aggregate(0, batch, NOW_MS, (refusal, i) => {
    assert.equal(refusal, "future");
    refused = refusalDetail(refusal, batch.timeMs[i]!, NOW_MS, batch.unitsPerSecond);
  });
  return refused ?? batch.timeMs[0]!;
}

Deno.test("each unit under the setting of each: taken in where they are the same, else refused with the unit", () => {
  const meantMs = fc.integer({ min: Date.parse("1985-01-01"), max: NOW_MS + SKEW_MS });
  fc.assert(fc.property(meantMs, fc.constantFrom(...UNITS), fc.constantFrom(...UNITS), (ms, written, set) => {
    const timestamp = Math.floor(ms / 1000 * written.perSecond);
    const outcome = outcomeOf(timestamp, set.unit);
    if (written === set) {
      assert.ok(typeof outcome === "number" && Math.abs(outcome - ms) <= 1000, `${outcome}`);
    } else {assert.match(
        `${outcome}`,
        new RegExp(`it looks like ${written.name}, and has to be in ${set.name} `),
      );}
  }));
});
