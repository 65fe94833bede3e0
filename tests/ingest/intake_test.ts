import assert from "node:assert/strict";
import type { EventAggregator } from "../../src/aggregation/event_aggregator.ts";
import type { EventBooks } from "../../src/aggregation/event_books.ts";
import { Intake } from "../../src/ingest/intake.ts";
import type { Partitions } from "../../src/ingest/partitions.ts";
import type { SeriesTroubles } from "../../src/ingest/series_troubles.ts";
import { LoneClock } from "./rig.ts";
import { SILENT } from "../support/logs.ts";

const NOW_MS = 2_000_000_000_000;
const NOTHING: EventBooks = {
  ...{ received: 0, aggregated: 0, duplicate: 0, invalid: 0, future: 0, late: 0, overflow: 0, dropped: 0 },
};

/** The alarms where a series keeps sending late events, and masses of events were refused in a minute. */
function alarmsWith(counts: Partial<EventBooks>): string[] {
  const clock = new LoneClock(NOW_MS);
  const troubles = {
    all: [{
      ...{ name: "oven", bus: "plant", late: 20, refused: { future: 0, late: 0, overflow: 0 } },
      ...{ behindMs: 3_600_000, sinceMs: NOW_MS, lastMs: NOW_MS },
    }],
  } as unknown as SeriesTroubles;
  const partitions = { sources: [{ name: "plant" }] } as unknown as Partitions;
  const observer = { refused: () => {}, troubles };
  const intake = new Intake({} as EventAggregator, partitions, clock, SILENT, observer, new Map());
  intake.watch.count(0, NOTHING, { ...NOTHING, ...counts });
  clock.ms += 60_000;
  intake.watch.look();
  return intake.alarms.map(({ reason }) => reason);
}

Deno.test("late events of some series are an alarm of their own, but where a mass of late events says it all", () => {
  assert.deepEqual(alarmsWith({ received: 50, aggregated: 50 }), ["late_data"]);
  assert.deepEqual(alarmsWith({ received: 50, aggregated: 20, late: 30 }), ["late"]);
  assert.deepEqual(alarmsWith({ received: 50, aggregated: 20, future: 30 }), ["future", "late_data"]);
  assert.deepEqual(alarmsWith({ received: 50, late: 20, future: 30 }).toSorted(), ["future", "late"]);
});
