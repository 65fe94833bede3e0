import { BOOK_ENTRIES } from "../aggregation/event_aggregator.ts";
import { readBookEntries } from "./checkpoint/book_entries.ts";
import { readAlarms, wayOut } from "./alarms.ts";
import { readOutages } from "./outages.ts";
import { readAudit } from "./audit.ts";
import { ColumnError } from "./checkpoint/columns.ts";
import { eventsInPage } from "./checkpoint/open_page.ts";
import { readPartitions } from "./checkpoint/partitions.ts";
import { readRefusalAlarms, type RefusalAlarm } from "./letters/refusal_alarms.ts";
import { SinkRegistry, waitingRows } from "./outbox/sink_registry.ts";
import type { StateDatabase } from "./file/state_database.ts";
import { damaged } from "./file/state_error.ts";

/** What the state holds, as of its last checkpoint. Times are Unix seconds; null: not yet known. */
export interface StatusReport {
  readonly instance: string;
  readonly state_id: string;
  readonly state_file: string;
  readonly state_bytes: number;
  readonly checkpoint_at: number | null;
  readonly watermark: number | null;
  readonly buses: readonly {
    readonly name: string;
    readonly log: string | null;
    readonly next_offset: number | null;
    readonly greatest_event_time: number | null;
  }[];
  readonly open_windows: readonly {
    readonly window_start: number;
    readonly window_end: number;
    readonly series: number;
    readonly events: number;
  }[];
  readonly outbox: {
    readonly next_id: number;
    /** Rows that the slowest sink has not yet had. */
    readonly rows: number;
    readonly sinks: readonly { readonly name: string; readonly cursor: number; readonly waiting: number }[];
  };
  readonly dead_letters: {
    readonly total: number;
    readonly by_reason: Readonly<Record<string, number>>;
    /** The oldest ones, to keep within the bound. */
    readonly dropped: number;
  };
  /** Buses and sinks that could not be reached when somebody last looked. */
  readonly outages: readonly { readonly place: string; readonly detail: string; readonly since: number }[];
  /** What is wrong with what sinks hold. */
  readonly alarms: readonly {
    readonly sink: string;
    readonly kind: string;
    readonly detail: string;
    readonly rows: number;
    readonly since: number;
    readonly way_out: string;
  }[];
  readonly accounting: Readonly<Record<string, number>>;
  /** What operators have ordered, the newest first. `result` null: it has come to nothing yet. */
  readonly audit: readonly {
    readonly at: number;
    readonly who: string;
    readonly action: string;
    readonly detail: string;
    readonly result: string | null;
  }[];
  /** Masses of refused events at the last checkpoint. */
  readonly refusal_alarms: readonly RefusalAlarm[];
}

const AUDIT_LINES = 10;

/** Reads the report from the state. @param auditLines Operators' orders at most. @throws {StateError} */
export function readStatus(state: StateDatabase, auditLines = AUDIT_LINES): StatusReport {
  return state.snapshot(() => report(state, auditLines));
}

function report(state: StateDatabase, auditLines: number): StatusReport {
  const entries = readBookEntries(state);
  const seconds = (name: string) => entries.has(name) ? entries.get(name)! / 1000 : null;
  const registry = SinkRegistry.read(state);
  const nextId = entries.get("outbox_end_id") ?? 0;
  const reasons = state.all<{ reason: string; deadLetters: number }>(
    "SELECT reason, count(*) AS deadLetters FROM dead_letter WHERE NOT purged GROUP BY reason ORDER BY reason",
  );
  const kept = [...BOOK_ENTRIES, "lost", "late_arrivals", "contributed", "closed", "unrouted"];
  return {
    instance: state.instanceId,
    state_id: state.stateId,
    state_file: state.path,
    state_bytes: state.sizeBytes(),
    checkpoint_at: seconds("checkpoint_at_ms"),
    watermark: seconds("watermark_ms"),
    buses: readPartitions(state).map((row) => ({
      name: row.source,
      log: row.lineage,
      next_offset: row.position === null ? null : Number(row.position),
      greatest_event_time: row.greatest_ms === null ? null : row.greatest_ms / 1000,
    })),
    open_windows: readOpenWindows(state),
    outbox: {
      next_id: nextId,
      rows: Math.max(0, ...registry.sinks.map((sink) => nextId - sink.cursor)),
      sinks: registry.sinks.map((sink) => ({
        name: sink.name,
        cursor: sink.cursor,
        waiting: waitingRows(state, sink),
      })),
    },
    dead_letters: {
      total: reasons.reduce((sum, { deadLetters }) => sum + deadLetters, 0),
      by_reason: Object.fromEntries(reasons.map(({ reason, deadLetters }) => [reason, deadLetters])),
      dropped: entries.get("letters_dropped") ?? 0,
    },
    outages: readOutages(state).map(({ subject, detail, sinceMs }) => ({
      place: subject,
      detail,
      since: sinceMs / 1000,
    })),
    alarms: readAlarms(state).map(({ sink, kind, detail, count, sinceMs }) => ({
      sink,
      kind,
      detail,
      rows: count,
      since: sinceMs / 1000,
      way_out: wayOut(sink, kind),
    })),
    audit: readAudit(state, auditLines).map(({ atMs, who, action, detail, result }) => ({
      at: atMs / 1000,
      who,
      action,
      detail,
      result: result ?? null,
    })),
    refusal_alarms: readRefusalAlarms(state),
    accounting: Object.fromEntries(kept.map((name) => [name, entries.get(name) ?? 0])),
  };
}

function readOpenWindows(state: StateDatabase): StatusReport["open_windows"] {
  const pages = state.all<{ start: number; end: number; accumulators: Uint8Array }>(
    `SELECT window_start_ms AS start, window_end_ms AS end, accumulators
     FROM open_page_keys JOIN open_page_values USING (page) ORDER BY window_start_ms, window_end_ms`,
  );
  const windows = new Map<
    string,
    { window_start: number; window_end: number; series: number; events: number }
  >();
  for (const { start, end, accumulators } of pages) {
    const window = windows.get(`${start} ${end}`) ??
      { window_start: start / 1000, window_end: end / 1000, series: 0, events: 0 };
    windows.set(`${start} ${end}`, window);
    try {
      const { series, events } = eventsInPage(accumulators);
      window.series += series;
      window.events += events;
    } catch (error) {
      if (error instanceof ColumnError) throw damaged(state.path, error.message);
      throw error;
    }
  }
  return [...windows.values()];
}
