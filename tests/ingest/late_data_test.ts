/** Which late series an alarm is about, and what it says, at its bounds. */
import assert from "node:assert/strict";
import { lateDataAlarm } from "../../src/ingest/late_data.ts";
import type { SeriesTrouble } from "../../src/ingest/series_troubles.ts";

const NOW_MS = 1_700_000_000_000;
const MINUTE_MS = 60_000;

function trouble(changes: Partial<SeriesTrouble> = {}): SeriesTrouble {
  return {
    name: "oven",
    bus: "plant",
    late: 10,
    refused: { future: 0, late: 0, overflow: 0 },
    behindMs: 60 * MINUTE_MS,
    sinceMs: NOW_MS - 90_400,
    lastMs: NOW_MS,
    ...changes,
  };
}

const detailOf = (...troubles: readonly SeriesTrouble[]) => lateDataAlarm(troubles, NOW_MS)[0]?.detail;

Deno.test("a series is told of from ten events on that are more than ten minutes late, the last five minutes", () => {
  const refused = (late: number) => ({ future: 5, late, overflow: 5 });
  for (
    const [changes, isTold] of [
      [{}, true],
      [{ late: 9 }, false],
      [{ late: 9, refused: refused(1) }, true],
      [{ late: 0, refused: refused(9) }, false],
      [{ late: 0, refused: refused(10) }, true],
      [{ behindMs: 10 * MINUTE_MS }, false],
      [{ behindMs: 10 * MINUTE_MS + 1 }, true],
      [{ lastMs: NOW_MS - 5 * MINUTE_MS }, true],
      [{ lastMs: NOW_MS - 5 * MINUTE_MS - 1 }, false],
      [{ lastMs: NOW_MS + 5 * MINUTE_MS }, true],
      [{ lastMs: NOW_MS + 5 * MINUTE_MS + 1 }, false],
    ] as const
  ) assert.equal(detailOf(trouble(changes)) !== undefined, isTold, JSON.stringify(changes));
});

Deno.test("an alarm tells of all late series, the first one's time and cause, and of no other", () => {
  const [oven, press] = [
    trouble(),
    trouble({ name: "press", sinceMs: NOW_MS - 200_000, behindMs: 90 * 60_000 }),
  ];
  const [alarm, ...others] = lateDataAlarm([oven, trouble({ name: "lathe", late: 1 }), press], NOW_MS);
  assert.deepEqual([others, alarm!.reason, alarm!.since], [[], "late_data", (NOW_MS - 200_000) / 1000]);
  assert.match(
    alarm!.detail,
    /^2 series keep sending late events: press \(the latest event is 90 min late\), oven \(.* 60 min late\)\. /,
  );
  assert.equal(lateDataAlarm([oven], NOW_MS)[0]!.since, (NOW_MS - 90_000) / 1000, "in whole seconds");
});

Deno.test("an alarm says how long none has come, by the latest of all its series, from half a minute on", () => {
  const stoppedAfter = (...agoMs: readonly number[]) =>
    / None has come for (.*?); /.exec(detailOf(...agoMs.map((ms) => trouble({ lastMs: NOW_MS - ms })))!)?.[1];
  assert.deepEqual(
    [stoppedAfter(29_999), stoppedAfter(30_000), stoppedAfter(200_000, 40_000), stoppedAfter(200_000, -5)],
    [undefined, "30 s", "40 s", undefined],
  );
});
