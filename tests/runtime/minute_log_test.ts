import assert from "node:assert/strict";
import { aggregateOf, batchOf } from "../contract/sink_samples.ts";
import { systemClock } from "../../src/platform/clock/clock.ts";
import { MinuteLog } from "../../src/runtime/minute_log.ts";
import { createLogger } from "../../src/platform/log/logger.ts";
import { MetricCollector } from "../../src/runtime/metric_collector.ts";
import { type Counts, countsOf } from "../../src/state/checkpoint/counts.ts";
import { overviewWith, sinkOverview } from "../support/overview.ts";
import type { RefusedEvent } from "../../src/state/letters/dead_letters.ts";

/** What is logged over some minutes, of which each does something first. */
async function minutes(
  work: ((rig: { log: MinuteLog; metrics: MetricCollector; counts: Counts }) => void)[],
) {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger({
    level: "info",
    format: "json",
    write: (line) => lines.push(JSON.parse(line)),
    now: () => 0,
  });
  const metrics = new MetricCollector();
  const counts = countsOf(new Map());
  metrics.begin({ ...counts }, [], ["sqlite"]);
  const look = () =>
    overviewWith({
      nowMs: 100_000,
      watermarkMs: 88_765,
      openWindows: 2,
      outboxEndId: 9,
      sinks: [sinkOverview("sqlite", "delivering", { cursor: 5 })],
      activity: metrics.activity({ ...counts }),
    });
  const ending = new AbortController();
  let turn = 0;
  const clock = {
    ...systemClock,
    sleep: (ms: number) => {
      assert.equal(ms, 60_000);
      if (turn === work.length) ending.abort();
      else work[turn++]!(rig);
      return Promise.resolve();
    },
  };
  const log = new MinuteLog(look, clock, logger);
  const rig = { log, metrics, counts };
  await log.run(ending.signal);
  return lines;
}

function refused(reason: RefusedEvent["reason"], text: string): RefusedEvent {
  const raw = new TextEncoder().encode(text);
  return {
    reason,
    detail: `is ${reason}`,
    bus: "http://bus:1",
    partition: "",
    offset: 7,
    raw,
    rawBytes: raw.length,
  };
}

Deno.test("a line a minute says what was done in that minute alone", async () => {
  const lines = await minutes([
    ({ metrics, counts }) => {
      counts.received = 10;
      counts.aggregated = 9;
      counts.duplicate = 1;
      metrics.delivered("sqlite", batchOf(Array.from({ length: 5 }, () => aggregateOf())), 0.1, 0);
    },
    () => {},
  ]);
  const figures = { refused: 0, waiting_sqlite: 4, open_windows: 2, watermark_lag_seconds: 11.2 };
  const said = lines.map(({ time: _time, level, message, ...fields }) => ({ level, message, ...fields }));
  const line = { level: "info", message: "in the last minute", ...figures };
  assert.deepEqual(said, [
    { ...line, received: 10, aggregated: 9, duplicate: 1, delivered_sqlite: 5 },
    { ...line, received: 0, aggregated: 0, duplicate: 0, delivered_sqlite: 0 },
  ]);
});

Deno.test("a minute's refused events are one warning: counts by reason, and the first of them", async () => {
  const lines = await minutes([
    ({ log, metrics, counts }) => {
      counts.received = 1_000_000;
      counts.invalid = 999_990;
      counts.late = 10;
      metrics.rejected("sqlite", 3);
      for (let i = 0; i < 1000; i++) log.refused(refused("late", `{"name":"n${i}"}`));
    },
    () => {},
    ({ log, counts }) => {
      counts.invalid++;
      log.refused(refused("invalid", `{"name":"\u0007\\u001b[2J","value":"${"x".repeat(10_000)}"}`));
    },
  ]);
  const warnings = lines.filter(({ level }) => level === "warn");
  assert.equal(warnings.length, 2);
  const [first, second] = warnings;
  assert.deepEqual([first!.invalid, first!.late, first!.rejected_by_sqlite, first!.future], [
    999_990,
    10,
    3,
    undefined,
  ]);
  assert.deepEqual(
    [
      first!.example_reason,
      first!.example_name,
      first!.example_detail,
      first!.example_bus,
      first!.example_offset,
    ],
    ["late", "n0", "is late", "http://bus:1", 7],
  );
  assert.equal(second!.invalid, 1);
  assert.ok(String(second!.example_event).length < 400, "it is cut");
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(String(second!.example_event), /[\x00-\x1f]/);
  assert.match(String(second!.example_event), /u0007/);
});
