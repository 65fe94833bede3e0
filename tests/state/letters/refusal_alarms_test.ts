import assert from "node:assert/strict";
import {
  LATE_DATA,
  readRefusalAlarms,
  refusalAlarmName,
  writeRefusalAlarms,
} from "../../../src/state/letters/refusal_alarms.ts";
import { withState } from "../inside.ts";

Deno.test("an alarm over refused events is named by their reason, one over late series has a name of its own", () => {
  assert.equal(refusalAlarmName("invalid"), "events_refused_invalid");
  assert.equal(refusalAlarmName("late"), "events_refused_late");
  assert.equal(refusalAlarmName(LATE_DATA), "late_data");
});

Deno.test("the alarms that stand are those that were written last", () =>
  withState((state) => {
    assert.deepEqual(readRefusalAlarms(state), []);
    const alarms = ["invalid", LATE_DATA].map((reason) => ({ reason, detail: `of ${reason}`, since: 5 }));
    for (const standing of [alarms, alarms.slice(1), []]) {
      state.transaction(() => writeRefusalAlarms(state, standing));
      assert.deepEqual(readRefusalAlarms(state), standing);
    }
  }));
