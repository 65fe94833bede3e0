import assert from "node:assert/strict";
import { aggregateOf, batchOf } from "../contract/sink_samples.ts";
import { FigureKeeper } from "../../src/runtime/figure_keeper.ts";
import { MetricCollector } from "../../src/runtime/metric_collector.ts";
import { countsOf } from "../../src/state/checkpoint/counts.ts";
import type { FigureHistory } from "../../src/state/figures/figure_history.ts";
import type { Figures } from "../../src/state/figures/figures.ts";
import { busOverview, overviewWith, sinkOverview } from "../support/overview.ts";
import { NO_EVENTS } from "../state/figures/figure_samples.ts";

const BASE_MS = 1_700_000_100_000;

Deno.test("each step has what was done in it and how it stood, and the end has the rest", async () => {
  const metrics = new MetricCollector();
  const counts = countsOf(new Map([["received", 1000]]));
  metrics.begin({ ...counts }, ["plant"], ["sqlite"]);
  const ending = new AbortController();
  const found: Figures[] = [];
  let passedMs = 4000;
  let newestEventMs: number | undefined;
  const took = { fetch: 0, decode: 0, aggregate: 0 };
  const take = (events: number, late: number) => {
    const after = { ...NO_EVENTS, received: events, aggregated: events - late, late };
    metrics.processed("plant", took, NO_EVENTS, after);
    counts.received += events;
    counts.aggregated += events - late;
    counts.late += late;
  };
  const look = () =>
    overviewWith({
      nowMs: BASE_MS + passedMs,
      watermarkMs: newestEventMs,
      openWindows: 2,
      outboxEndId: 9,
      outboxRows: 4,
      buses: [busOverview("plant", {
        partitions: [0, 1].map((number) => ({
          partition: `${number}`,
          log: undefined,
          position: "1",
          nextOffset: undefined,
          newestEventMs: newestEventMs && newestEventMs - 1000 * number,
          unreadEvents: 20 * number,
          lostEvents: 0,
        })),
      })],
      sinks: [sinkOverview("sqlite", "delivering", { cursor: 5 })],
      activity: metrics.activity({ ...counts }),
    });
  const turns: [sleepMs: number, work: () => void][] = [
    [6000, () => {}],
    // The timer was late.
    [9000, () => {
      take(50, 3);
      newestEventMs = BASE_MS + 18_000;
    }],
    [10_000, () => {
      take(7, 0);
      metrics.delivered("sqlite", batchOf([aggregateOf()]), 0.1, 0);
      ending.abort();
    }],
  ];
  const lateMs = [1000, 0, -7000];
  const clock = {
    nowMs: () => BASE_MS + passedMs,
    monotonicMs: () => passedMs,
    sleep: (ms: number) => {
      const [sleepMs, work] = turns[found.length]!;
      assert.equal(ms, sleepMs);
      passedMs += ms + lateMs[found.length]!;
      work();
      return Promise.resolve();
    },
  };
  const history = { add: (figures: Figures) => found.push(figures) } as unknown as FigureHistory;
  await new FigureKeeper(look, clock, history).run(ending.signal);
  assert.deepEqual(found.map(({ atMs, seconds }) => [(atMs - BASE_MS) / 1000, seconds]), [[0, 7], [10, 9], [
    20,
    3,
  ]]);
  assert.deepEqual(found.map(({ events }) => [events.received, events.aggregated, events.late]), [[0, 0, 0], [
    50,
    47,
    3,
  ], [7, 7, 0]]);
  assert.deepEqual(found[0]!.sources, [{ name: "plant", received: 0, unread: 20 }]);
  assert.deepEqual(found[1]!.sources, [{ name: "plant", received: 50, lagMs: 2000, unread: 20 }]);
  assert.equal(found[1]!.watermarkLagMs, 2000);
  assert.deepEqual(found[2]!.sinks, [{ name: "sqlite", delivered: 1, rejected: 0, waiting: 4 }]);
  assert.deepEqual([found[2]!.outboxRows, found[2]!.openWindows], [4, 2]);
});
