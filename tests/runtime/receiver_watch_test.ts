import assert from "node:assert/strict";
import type { Clock } from "../../src/platform/clock/clock.ts";
import { createLogger } from "../../src/platform/log/logger.ts";
import { ReceiverWatch } from "../../src/runtime/receiver_watch.ts";

Deno.test("that the receiver takes nothing is said once, and once that it takes things again", async () => {
  const answers = [undefined, "away", "away", "still away", undefined, undefined, "away"];
  const lines: string[] = [];
  const logger = createLogger({
    level: "info",
    format: "text",
    write: (line) => lines.push(line.replace(/^\S+ /, "")),
    now: () => 0,
  });
  const stop = new AbortController();
  const clock = { sleep: () => Promise.resolve() } as unknown as Clock;
  const watch = new ReceiverWatch(
    () => {
      if (answers.length === 1) stop.abort();
      return Promise.resolve(answers.shift());
    },
    clock,
    logger,
  );
  await watch.run(stop.signal);
  assert.deepEqual(lines.map((line) => line.slice(0, 4)), ["WARN", "INFO"]);
  assert.match(lines[0]!, /is lost until this ends.*: away$/);
});
