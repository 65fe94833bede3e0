import { wayOut } from "../state/alarms.ts";
import type { Status } from "./status.ts";

/** The status as `status --json` and the API tell it. */
export type StatusReport = { readonly running: boolean } & StatusRecord;

/** @param isRunning Whether a handler runs on the state. */
export function statusReport(status: Status, isRunning: boolean): StatusReport {
  return { running: isRunning, ...statusRecord(status), ...(!isRunning && { causes: null }) };
}

/** The status as JSON for programs. Times are Unix seconds; null: not yet known. */
export type StatusRecord = ReturnType<typeof statusRecord>;

export function statusRecord(status: Status) {
  const { counts, deadLetters, waiting } = status;
  return {
    instance: status.instance,
    state_id: status.stateId,
    state_file: status.stateFile,
    state_bytes: status.stateBytes,
    checkpoint_at: secondsOf(status.checkpointMs),
    watermark: secondsOf(status.watermarkMs),
    // Why the handler is not ready; null: not known, or none runs.
    causes: status.causes ?? null,
    // Why aggregates may be missing, though the handler does what it should.
    notes: status.notes.map(({ name, detail }) => ({ name, detail })),
    buses: status.buses.flatMap(({ name, partitions }) =>
      partitions.map(({ partition, log, position, nextOffset, newestEventMs, isGone }) => ({
        name,
        partition,
        log: log ?? null,
        position: position ?? null,
        next_offset: nextOffset ?? null,
        greatest_event_time: secondsOf(newestEventMs),
        gone: isGone,
      }))
    ),
    open_windows: status.windows.map(({ startMs, endMs, series, events }) => ({
      window_start: startMs / 1000,
      window_end: endMs / 1000,
      series,
      events,
    })),
    // By the length of windows, since the state has schema 7.
    tiers: [...status.tiers].map(([lengthMs, { contributed, lateShares, closed }]) => ({
      window_seconds: lengthMs / 1000,
      open_windows: status.openByLength.get(lengthMs) ?? 0,
      contributed,
      closed,
      late: lateShares,
    })),
    outbox: {
      next_id: status.outboxEndId,
      rows: status.outboxRows,
      sinks: status.sinks.map(({ name, cursor }) => ({ name, cursor, waiting: waiting.get(name)! })),
    },
    dead_letters: {
      total: deadLetters.values().reduce((sum, count) => sum + count, 0),
      by_reason: Object.fromEntries(deadLetters),
      // Dead letters that were dropped, oldest first, to keep within the bound.
      dropped: counts.deadLettersDropped,
    },
    outages: status.outages.map(({ subject, detail, sinceMs }) => ({
      place: subject,
      detail,
      since: sinceMs / 1000,
    })),
    alarms: status.alarms.map(({ sink, kind, detail, count, sinceMs }) => ({
      sink,
      kind,
      detail,
      rows: count,
      since: sinceMs / 1000,
      way_out: wayOut(sink, kind),
    })),
    paused: status.pauses.map(({ kind, name, who, sinceMs }) => ({
      kind,
      name,
      by: who,
      since: sinceMs / 1000,
    })),
    audit: status.audit.map(({ atMs, who, action, detail, result }) => ({
      at: atMs / 1000,
      who,
      action,
      detail,
      result: result ?? null,
    })),
    refusal_alarms: status.refusalAlarms,
    accounting: {
      received: counts.received,
      aggregated: counts.aggregated,
      duplicate: counts.duplicate,
      invalid: counts.invalid,
      future: counts.future,
      late: counts.late,
      overflow: counts.overflow,
      dropped: counts.dropped,
      lost: counts.lost,
      late_arrivals: counts.lateArrivals,
      contributed: counts.contributed,
      closed: counts.closed,
      unrouted: counts.unrouted,
    },
  };
}

function secondsOf(timeMs: number | undefined): number | null {
  return timeMs === undefined ? null : timeMs / 1000;
}
