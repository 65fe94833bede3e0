import { refusedIn } from "../aggregation/event_books.ts";
import { type LiveBusOverview, type LiveOverview, rowsBefore, watermarkLagMs } from "../runtime/overview.ts";
import type { Pace } from "../runtime/pace.ts";
import { alarmsOf, causesOf } from "../runtime/readiness.ts";
import { isOf } from "../state/pauses.ts";

/** The parts of a running handler at one moment, as the API tells them. */
export type PipelineRecord = ReturnType<typeof pipelineRecord>;

/**
 * The parts of a running handler at one moment, as JSON for programs. Times are Unix seconds; null: not
 * known, or there is none. Counts named `…_total` are since the start of the process: the difference of two
 * moments is a rate.
 */
export function pipelineRecord(overview: LiveOverview) {
  const { activity, deadLetters, outboxEndId, outboxMaxRows, outboxRows } = overview;
  const lagMs = watermarkLagMs(overview);
  const shortestMs = Math.min(...overview.openByLength.keys());
  const paceOf = (pace: Pace | undefined) => pace?.perSecond(overview.nowMs, shortestMs) ?? null;
  return {
    at: overview.nowMs / 1000,
    instance: overview.instance,
    state_file: overview.stateFile,
    state_bytes: overview.stateBytes,
    checkpoint_at: secondsOf(overview.checkpointMs),
    causes: causesOf(overview).map(({ name, detail }) => ({ name, detail })),
    alarms: alarmsOf(overview).map(({ name, detail }) => ({ name, detail })),
    notes: overview.notes.map(({ name, id, detail, series }) => ({ name, id, detail, series })),
    sources: overview.buses.map((bus) => sourceRecord(bus, overview)),
    windows: [...overview.openByLength].map(([lengthMs, open]) => ({
      window_seconds: lengthMs / 1000,
      open,
    })),
    open_series: overview.openSeries,
    watermark: secondsOf(overview.watermarkMs),
    watermark_lag_seconds: lagMs === undefined ? null : lagMs / 1000,
    idle: overview.isIdle,
    received_total: activity.counts.received,
    refused_total: refusedIn(activity.counts),
    duplicate_total: activity.counts.duplicate,
    dropped_total: activity.counts.dropped,
    unrouted_total: activity.counts.unrouted,
    late_arrivals_total: activity.counts.lateArrivals,
    outbox: {
      rows: outboxRows,
      max_rows: outboxMaxRows,
      next_id: outboxEndId,
      closed_per_second: paceOf(activity.closing),
    },
    sinks: overview.sinks.map((sink) => {
      const counters = activity.sinks.get(sink.name);
      return {
        name: sink.name,
        state: overview.pauses.some((pause) => isOf(pause, { kind: "sink", name: sink.name }))
          ? "paused" as const
          : sink.state,
        error: sink.error ?? null,
        waiting: rowsBefore(overview, sink),
        waiting_since: secondsOf(sink.waitingSinceMs),
        last_delivery: secondsOf(sink.lastDeliveryMs),
        delivered_total: counters?.delivered ?? 0,
        delivered_per_second: paceOf(counters?.pace),
        rejected_total: counters?.rejected ?? 0,
      };
    }),
    dead_letters: deadLetters === undefined ? null : Object.fromEntries(deadLetters.byReason),
  };
}

function sourceRecord(bus: LiveBusOverview, { activity, obstacle, pauses }: LiveOverview) {
  const { extent, failure, inbox, name, partitions } = bus;
  const events = activity.buses.get(name)?.events;
  const unread = partitions.flatMap(({ unreadEvents }) => unreadEvents ?? []);
  const newest = partitions.flatMap(({ newestEventMs }) => newestEventMs ?? []);
  return {
    name,
    state: pauses.some((pause) => isOf(pause, { kind: "source", name }))
      ? "paused" as const
      : failure !== undefined
      ? "failing" as const
      : obstacle !== undefined
      ? "held" as const
      : "reading" as const,
    error: failure ?? null,
    partitions: partitions.length,
    unread: unread.length === 0 ? null : unread.reduce((sum, count) => sum + count, 0),
    newest_event: secondsOf(newest.length === 0 ? undefined : newest.reduce((a, b) => Math.max(a, b))),
    lost_total: partitions.reduce((sum, { lostEvents }) => sum + lostEvents, 0),
    received_total: events?.received ?? 0,
    refused_total: events === undefined ? 0 : refusedIn(events),
    inbox: inbox === undefined ? null : { bytes: inbox.bytes, max_bytes: inbox.maxBytes },
    extent: extent === undefined ? null : { read_bytes: extent.readBytes, all_bytes: extent.allBytes },
  };
}

function secondsOf(timeMs: number | undefined): number | null {
  return timeMs === undefined ? null : timeMs / 1000;
}
