import type { AlarmFigures } from "../../../src/runtime/alarms/alarm_figures.ts";
import type { LiveOverview } from "../../../src/runtime/overview.ts";
import { busOverview, overviewWith, sinkOverview } from "../../support/overview.ts";

export const MINUTE = 60_000;
export const NOW = 100 * MINUTE;
export const QUIET = overviewWith({ nowMs: NOW });

export interface AlarmCase {
  readonly alarm: string;
  readonly now?: Partial<LiveOverview>;
  /** What was different, and how many minutes ago. */
  readonly before?: { readonly minutes: number } & Partial<AlarmFigures>;
  /** Undefined: the alarm is not raised. */
  readonly finding?: { readonly labels: Record<string, string>; readonly detail: RegExp };
}

function counting(counts: Partial<LiveOverview["counts"]>, more: Partial<LiveOverview["activity"]> = {}) {
  return { activity: { ...QUIET.activity, ...more, counts: { ...QUIET.activity.counts, ...counts } } };
}

function refusing(received: number, count: number) {
  return counting({ received }, { refusals: [{ reason: "invalid", kind: "format", count }] });
}

function unread(unreadEvents: number) {
  const partition = {
    partition: "",
    log: "a",
    position: "1",
    nextOffset: 1,
    newestEventMs: 0,
    lostEvents: 0,
  };
  return { buses: [busOverview("plant", { partitions: [{ ...partition, unreadEvents }] })] };
}

function rejecting(rejected: number) {
  const sink = { delivered: 0, rejected } as never;
  return {
    sinks: [sinkOverview("sqlite", "delivering")],
    activity: { ...QUIET.activity, sinks: new Map([["sqlite", sink]]) },
  };
}

function disk(freeBytes: number, sizeBytes = 1e12) {
  return { machine: { cpuSeconds: 1, residentBytes: 1, startedMs: 0, disk: { freeBytes, sizeBytes } } };
}

function deadLetters(deadLetters: number, bytes: number) {
  return {
    deadLetters: {
      byReason: new Map(),
      bounded: { deadLetters, bytes },
      bound: { deadLetters: 100, bytes: 1000 },
    },
  };
}

const SINK = { sink: "sqlite" };
const LATE = { reason: "late_data", detail: "1 series", since: 60 };
const BUS = { bus: "plant" };

/** Of each alarm one case in which it is raised, and at least one in which it is not. */
export const ALARM_CASES: readonly AlarmCase[] = [
  {
    alarm: "VabusNotReady",
    now: { isStopping: true, obstacle: { name: "outbox_full", detail: "10 wait" } },
    finding: { labels: {}, detail: /^stopping, outbox full$/ },
  },
  { alarm: "VabusNotReady" },
  {
    alarm: "VabusStateNotWritable",
    now: { obstacle: { name: "state_gone", detail: "it was removed" } },
    finding: { labels: { cause: "state_gone" }, detail: /^it was removed$/ },
  },
  { alarm: "VabusStateNotWritable", now: { obstacle: { name: "outbox_full", detail: "" } } },
  {
    alarm: "VabusDiskFills",
    now: disk(0.9e9),
    finding: { labels: {}, detail: /has 900 MB left \(0 %\)$/ },
  },
  {
    alarm: "VabusDiskFills",
    now: disk(200e9),
    before: { minutes: 60, diskFreeBytes: 240e9 },
    finding: { labels: {}, detail: /has 200,000 MB left \(20 %\)$/ },
  },
  { alarm: "VabusDiskFills", now: disk(200e9), before: { minutes: 60, diskFreeBytes: 230e9 } },
  { alarm: "VabusDiskFills", now: disk(400e9), before: { minutes: 60, diskFreeBytes: 900e9 } },
  { alarm: "VabusDiskFills" },
  {
    alarm: "VabusClockWrong",
    now: { clockDoubt: "the bus says 1970" },
    finding: { labels: {}, detail: /^the bus says 1970$/ },
  },
  {
    alarm: "VabusClockWrong",
    now: { obstacle: { name: "clock_behind", detail: "by a year" } },
    finding: { labels: {}, detail: /^by a year$/ },
  },
  { alarm: "VabusClockWrong" },
  {
    alarm: "VabusCertificateEnds",
    now: { certificates: [{ setting: "HTTP_CERT_FILE", endMs: NOW + 13 * 1440 * MINUTE }] },
    finding: { labels: { setting: "HTTP_CERT_FILE" }, detail: /^it is valid for 13 days more$/ },
  },
  {
    alarm: "VabusCertificateEnds",
    now: { certificates: [{ setting: "HTTP_CERT_FILE", endMs: NOW - 5 * MINUTE }] },
    finding: { labels: { setting: "HTTP_CERT_FILE" }, detail: /^it has not been valid for 5 min$/ },
  },
  {
    alarm: "VabusCertificateEnds",
    now: { certificates: [{ setting: "HTTP_CERT_FILE", endMs: NOW + 15 * 1440 * MINUTE }] },
  },
  {
    alarm: "VabusMetricSendsFail",
    now: counting({}, { sends: { done: 3, failed: 2 } }),
    before: { minutes: 9, sendsDone: 3, sendsFailed: 1 },
    finding: { labels: {}, detail: /has succeeded for ten minutes/ },
  },
  {
    alarm: "VabusMetricSendsFail",
    now: counting({}, { sends: { done: 4, failed: 2 } }),
    before: { minutes: 9, sendsDone: 3, sendsFailed: 1 },
  },
  {
    alarm: "VabusBusUnavailable",
    now: {
      buses: [busOverview("plant", { failure: "refused", failingSinceMs: 5 })],
    },
    finding: { labels: BUS, detail: /^refused$/ },
  },
  { alarm: "VabusBusUnavailable", now: { buses: [busOverview("plant")] } },
  {
    alarm: "VabusDataStopped",
    now: counting({ received: 7 }),
    before: { minutes: 10, received: 7 },
    finding: { labels: {}, detail: /^no event has been received/ },
  },
  { alarm: "VabusDataStopped", now: counting({ received: 7 }), before: { minutes: 10, received: 6 } },
  { alarm: "VabusDataStopped" },
  {
    alarm: "VabusWatermarkLag",
    now: { watermarkMs: NOW - 11 * MINUTE },
    finding: { labels: {}, detail: /^event time is 11 min behind/ },
  },
  { alarm: "VabusWatermarkLag", now: { watermarkMs: NOW - 9 * MINUTE } },
  { alarm: "VabusWatermarkLag", now: { watermarkMs: 0, isIdle: true } },
  {
    alarm: "VabusUnreadGrows",
    now: unread(100_001),
    before: { minutes: 29, unread: new Map([["plant", 100_000]]) },
    finding: { labels: BUS, detail: /^100,001 records are not read/ },
  },
  {
    alarm: "VabusUnreadGrows",
    now: unread(100_001),
    before: { minutes: 29, unread: new Map([["plant", 100_002]]) },
  },
  {
    alarm: "VabusUnreadGrows",
    now: unread(99_999),
    before: { minutes: 29, unread: new Map([["plant", 0]]) },
  },
  {
    alarm: "VabusInboxFills",
    now: { buses: [busOverview("plant", { inbox: { bytes: 81, maxBytes: 100 } })] },
    finding: { labels: BUS, detail: /^the inbox is 81 % full/ },
  },
  {
    alarm: "VabusInboxFills",
    now: { buses: [busOverview("plant", { inbox: { bytes: 80, maxBytes: 100 } })] },
  },
  {
    alarm: "VabusEventsRefused",
    now: refusing(2000, 61),
    before: { minutes: 8, received: 1000, refused: new Map([["invalid", 50]]) },
    finding: {
      labels: { reason: "invalid" },
      detail: /^refused as invalid: 11 events of the last 1,000;/,
    },
  },
  {
    alarm: "VabusEventsRefused",
    now: refusing(2000, 60),
    before: { minutes: 8, received: 1000, refused: new Map([["invalid", 50]]) },
  },
  {
    alarm: "VabusMassRefused",
    now: { refusalAlarms: [{ reason: "future", detail: "half of them", since: 60 }] },
    finding: { labels: { alarm: "events_refused_future" }, detail: /^half of them$/ },
  },
  { alarm: "VabusMassRefused", now: { refusalAlarms: [LATE] } },
  { alarm: "VabusLateData", now: { refusalAlarms: [LATE] }, finding: { labels: {}, detail: /^1 series$/ } },
  { alarm: "VabusLateData", now: { refusalAlarms: [{ ...LATE, reason: "late" }] } },
  {
    alarm: "VabusEventsLost",
    now: counting({ lost: 3 }),
    before: { minutes: 14, lost: 1 },
    finding: { labels: {}, detail: /^a bus has deleted 2 events unread$/ },
  },
  { alarm: "VabusEventsLost", now: counting({ lost: 3 }), before: { minutes: 16, lost: 1 } },
  {
    alarm: "VabusSinkDown",
    now: { sinks: [sinkOverview("sqlite", "failing", { error: "no answer" })] },
    finding: { labels: SINK, detail: /^no answer$/ },
  },
  { alarm: "VabusSinkDown", now: { sinks: [sinkOverview("sqlite", "broken")] } },
  { alarm: "VabusSinkDown", now: { sinks: [sinkOverview("sqlite", "delivering")] } },
  {
    alarm: "VabusBreakerOpen",
    now: { sinks: [sinkOverview("sqlite", "broken", { error: "no answer" })] },
    finding: { labels: SINK, detail: /^no answer$/ },
  },
  { alarm: "VabusBreakerOpen", now: { sinks: [sinkOverview("sqlite", "failing")] } },
  {
    alarm: "VabusSinkMisconfigured",
    now: { sinks: [sinkOverview("sqlite", "misconfigured", { error: "no right" })] },
    finding: { labels: SINK, detail: /^no right$/ },
  },
  { alarm: "VabusSinkMisconfigured", now: { sinks: [sinkOverview("sqlite", "failing")] } },
  {
    alarm: "VabusSinkLag",
    now: { sinks: [sinkOverview("sqlite", "delivering", { waitingSinceMs: NOW - 11 * MINUTE })] },
    finding: { labels: SINK, detail: /was closed 11 min ago$/ },
  },
  {
    alarm: "VabusSinkLag",
    now: { sinks: [sinkOverview("sqlite", "delivering", { waitingSinceMs: NOW - 10 * MINUTE })] },
  },
  {
    alarm: "VabusOutboxFills",
    now: { outboxRows: 100, outboxMaxRows: 1000 },
    before: { minutes: 14, outboxRows: 50 },
    finding: { labels: {}, detail: /^at this pace it is full in 4.2 h/ },
  },
  {
    alarm: "VabusOutboxFills",
    now: { outboxRows: 100, outboxMaxRows: 1000 },
    before: { minutes: 14, outboxRows: 150 },
  },
  {
    alarm: "VabusOutboxFills",
    now: { outboxRows: 50, outboxMaxRows: 1000 },
    before: { minutes: 14, outboxRows: 0 },
  },
  {
    alarm: "VabusOutboxFills",
    now: { outboxRows: 999_999, outboxMaxRows: 1_000_000 },
    before: { minutes: 14, outboxRows: 0 },
    finding: { labels: {}, detail: /^at this pace it is full in 1 s;/ },
  },
  ...[1000, 1050].map((outboxRows) => ({
    alarm: "VabusOutboxFills",
    now: { outboxRows, outboxMaxRows: 1000 },
    before: { minutes: 14, outboxRows: 900 },
  })),
  {
    alarm: "VabusOutboxFull",
    now: { outboxRows: 1000, outboxMaxRows: 1000 },
    finding: { labels: {}, detail: /^1,000 aggregates waiting/ },
  },
  { alarm: "VabusOutboxFull", now: { outboxRows: 999, outboxMaxRows: 1000 } },
  {
    alarm: "VabusRowsDiffer",
    now: { alarms: [{ kind: "rows_missing", detail: "rows are gone", count: 2, ...SINK, sinceMs: 7 }] },
    finding: { labels: { alarm: "rows_missing", ...SINK }, detail: /rows are gone \(2 rows at least\)/ },
  },
  { alarm: "VabusRowsDiffer" },
  {
    alarm: "VabusAggregatesRejected",
    now: rejecting(3),
    before: { minutes: 14, rejected: new Map([["sqlite", 2]]) },
    finding: { labels: SINK, detail: /: 1 aggregate, kept as dead letters$/ },
  },
  {
    alarm: "VabusAggregatesRejected",
    now: rejecting(3),
    before: { minutes: 14, rejected: new Map([["sqlite", 3]]) },
  },
  {
    alarm: "VabusDeadLettersNearBound",
    now: deadLetters(10, 810),
    finding: { labels: {}, detail: /^they fill 81 % of their bound/ },
  },
  { alarm: "VabusDeadLettersNearBound", now: deadLetters(80, 800) },
  { alarm: "VabusDeadLettersNearBound" },
  {
    alarm: "VabusDeadLettersDropped",
    now: counting({ deadLettersDropped: 5 }),
    before: { minutes: 14, deadLettersDropped: 0 },
    finding: { labels: {}, detail: /^5 dead letters dropped/ },
  },
  { alarm: "VabusDeadLettersDropped", now: counting({ deadLettersDropped: 5 }) },
];
