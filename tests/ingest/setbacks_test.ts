import assert from "node:assert/strict";
import { SourceError } from "../../src/contract/source.ts";
import { Setbacks } from "../../src/ingest/setbacks.ts";
import { loggerTo } from "../support/logs.ts";

Deno.test("failures in a row are told ever less often, with ever longer pauses, until the bus answers", () => {
  const log: string[] = [];
  const logger = loggerTo(log);
  const setbacks = new Setbacks({ bus: "b" }, () => 1, logger);
  setbacks.over();
  assert.deepEqual(log, [], "nothing was the matter");
  const waits = Array.from({ length: 5 }, () => setbacks.failed(new Error("away"), { offset: 7 }));
  assert.deepEqual(waits, [100, 200, 400, 800, 1600]);
  assert.equal(setbacks.inARow, 5);
  assert.deepEqual(log.map((line) => /attempt=(\d+)/.exec(line)?.[1]), ["1", "2", "3", "4"]);
  assert.match(
    log[3]!,
    /WARN {2}the bus cannot be read: away bus="b" offset=7 attempt=4 retry_in_seconds=0\.8$/,
  );
  assert.equal(setbacks.failed(new SourceError("unavailable", "busy", 9000)), 9000);
  setbacks.over();
  setbacks.over();
  assert.equal(log.length, 5);
  assert.match(log[4]!, /INFO {2}the bus answers again bus="b"$/);
  assert.equal(setbacks.inARow, 0);
  assert.equal(setbacks.failed(new Error("away")), 100);
});

Deno.test("what soon passes is asked for again within its time, however often it has failed", () => {
  const setbacks = new Setbacks({ bus: "b" }, () => 1, loggerTo([]));
  const away = new SourceError("unavailable", "away", undefined, { retryWithinMs: 500 });
  assert.deepEqual(Array.from({ length: 5 }, () => setbacks.failed(away)), [100, 200, 400, 500, 500]);
  assert.equal(setbacks.failed(new SourceError("unavailable", "away")), 3200);
});
