import assert from "node:assert/strict";
import type { Clock } from "../../src/platform/clock/clock.ts";
import { createLogger } from "../../src/platform/log/logger.ts";
import { ReceiverWatch } from "../../src/runtime/receiver_watch.ts";

type Answer = string | undefined;

/** The lines of a watch whose receiver answers so, minute by minute, to traces and to metrics. */
async function linesOf(minutes: readonly (readonly [traces: Answer, metrics: Answer])[]): Promise<string[]> {
  const lines: string[] = [];
  const logger = createLogger({
    level: "info",
    format: "text",
    write: (line) => lines.push(line.replace(/^\S+ /, "")),
    now: () => 0,
  });
  const stop = new AbortController();
  let minute = 0;
  const sleep = () => {
    if (++minute === minutes.length) stop.abort();
    return Promise.resolve();
  };
  const clock = { sleep } as unknown as Clock;
  const asks = [0, 1].map((request) => () => Promise.resolve(minutes[minute]![request]));
  await new ReceiverWatch(asks, 60_000, clock, logger).run(stop.signal);
  return lines;
}

Deno.test("that the receiver takes nothing is said once, and once that it takes things again", async () => {
  const answers = [undefined, "away", "away", "still away", undefined, undefined];
  const lines = await linesOf(answers.map((answer) => [answer, answer]));
  assert.deepEqual(lines.map((line) => line.slice(0, 4)), ["WARN", "INFO"]);
  assert.match(lines[0]!, /is lost until this ends.*: away$/);
});

Deno.test("one that takes no metrics is told of, and told of again when it takes no traces either", async () => {
  const lines = await linesOf([
    [undefined, "no such path"],
    [undefined, "no such path"],
    ["away", "away"],
    ["away", "no such path"],
    [undefined, undefined],
  ]);
  assert.deepEqual(lines.map((line) => line.slice(0, 4)), ["WARN", "WARN", "INFO"]);
  assert.match(lines[0]!, /: no such path$/);
  assert.match(lines[1]!, /: away$/);
});
