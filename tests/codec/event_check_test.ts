import assert from "node:assert/strict";
import { type CheckedEvent, checkEvent } from "../../src/codec/event_check.ts";

Deno.test("an event may be of any time from 1970 on", () => {
  const event = { name: "a", value: 1 };
  for (const [timestamp, timeMs] of [[0, 0], [-0, 0], [0.001, 1], [0.999, 999], [1, 1000]] as const) {
    assert.equal((checkEvent({ ...event, timestamp }) as CheckedEvent).timeMs, timeMs, `${timestamp}`);
  }
  assert.equal(checkEvent({ ...event, timestamp: -0.001 }), "timestamp is negative");
});
