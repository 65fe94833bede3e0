import { spanInWords } from "../../ingest/span_in_words.ts";
import { told } from "../../state/alarms.ts";
import type { LiveOverview, LiveSinkOverview } from "../overview.ts";
import { amount } from "../../platform/log/amount.ts";
import { aboutHandler, type AlarmRule, type Finding, MINUTE_MS } from "./alarm_rule.ts";
import { THRESHOLDS } from "./thresholds.ts";

const LAG_MAX_MS = THRESHOLDS.VabusSinkLag.lagSeconds * 1000;
const REJECTED_MS = THRESHOLDS.VabusAggregatesRejected.withinSeconds * 1000;

/** The outbox and the sinks. */
export const SINK_RULES: readonly AlarmRule[] = [
  {
    name: "VabusSinkDown",
    severity: "warning",
    summary: "a sink takes no aggregates",
    forMs: 5 * MINUTE_MS,
    find: inState((state) => state !== "delivering" && state !== "broken"),
  },
  {
    name: "VabusBreakerOpen",
    severity: "critical",
    summary: "a sink fails again and again",
    forMs: 5 * MINUTE_MS,
    find: inState((state) => state === "broken"),
  },
  {
    name: "VabusSinkMisconfigured",
    severity: "critical",
    summary: "a sink waits for a change",
    forMs: MINUTE_MS,
    find: inState((state) => state === "misconfigured"),
  },
  {
    name: "VabusSinkLag",
    severity: "warning",
    summary: "a sink is far behind",
    forMs: 5 * MINUTE_MS,
    find: ({ nowMs, sinks }) =>
      sinks.flatMap(({ name, waitingSinceMs = nowMs }): Finding[] =>
        nowMs - waitingSinceMs <= LAG_MAX_MS ? [] : [{
          labels: { sink: name },
          detail: `the oldest window that waits for it was closed ${spanInWords(nowMs - waitingSinceMs)} ago`,
        }]
      ),
  },
  {
    name: "VabusOutboxFills",
    severity: "warning",
    summary: "the outbox will be full",
    forMs: 10 * MINUTE_MS,
    find: ({ outboxMaxRows, outboxRows }, past) => {
      const than = THRESHOLDS.VabusOutboxFills;
      const growth = past.slope(than.trendSeconds * 1000, (figures) => figures.outboxRows) ?? 0;
      const fullInMs = growth > 0 ? (outboxMaxRows - outboxRows) / growth * 1000 : Infinity;
      return aboutHandler(
        fullInMs < than.fullInSeconds * 1000 && outboxRows > than.share * outboxMaxRows &&
          // VabusOutboxFull says so then.
          outboxRows < outboxMaxRows,
        () => `at this pace it is full in ${spanInWords(Math.max(1000, fullInMs))}; then reading stops`,
      );
    },
  },
  {
    name: "VabusOutboxFull",
    severity: "critical",
    summary: "the outbox is full",
    forMs: MINUTE_MS,
    find: ({ outboxMaxRows, outboxRows }) =>
      aboutHandler(
        outboxRows >= outboxMaxRows,
        () => `${amount(outboxRows, "aggregate")} waiting, so nothing is read; the bus keeps the events`,
      ),
  },
  {
    name: "VabusRowsDiffer",
    severity: "critical",
    summary: "a sink does not hold what it should",
    forMs: 0,
    find: ({ alarms }) =>
      alarms.map((alarm) => ({
        labels: { alarm: alarm.kind, sink: alarm.sink },
        detail: told(alarm),
        sinceMs: alarm.sinceMs,
      })),
  },
  {
    name: "VabusAggregatesRejected",
    severity: "warning",
    summary: "a sink rejects aggregates",
    forMs: 0,
    find: ({ sinks }, past) =>
      sinks.flatMap(({ name }): Finding[] => {
        const rejected = past.increase(REJECTED_MS, (figures) => figures.rejected.get(name) ?? 0) ?? 0;
        return rejected === 0 ? [] : [{
          labels: { sink: name },
          detail: `rejected in a quarter of an hour: ${amount(rejected, "aggregate")}, kept as dead letters`,
        }];
      }),
  },
];

function inState(isMeant: (state: LiveSinkOverview["state"]) => boolean): AlarmRule["find"] {
  return ({ sinks }: LiveOverview) =>
    sinks.filter(({ state }) => isMeant(state)).map(({ error, failingSinceMs: sinceMs, name }): Finding => ({
      labels: { sink: name },
      detail: error ?? "not opened yet",
      sinceMs,
    }));
}
