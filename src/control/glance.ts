import { refusedIn } from "../aggregation/event_books.ts";
import type { Status } from "./status.ts";
import type { PipelineRecord } from "./pipeline_record.ts";
import { told } from "../state/alarms.ts";
import { refusalAlarmName } from "../state/letters/refusal_alarms.ts";
import { OBSTACLES } from "../ingest/reading_gate.ts";
import { pauseInWords } from "../state/pauses.ts";

/** What somebody sees who looks at a handler for a moment. Times are Unix ms; undefined: not known. */
export interface Glance {
  readonly atMs: number;
  readonly instance: string;
  readonly stateFile: string;
  readonly stateBytes: number;
  readonly checkpointMs: number | undefined;
  /** Why events do not go in, or aggregates not out. */
  readonly causes: readonly Noted[];
  readonly alarms: readonly Noted[];
  readonly notes: readonly Noted[];
  readonly sources: readonly SourceGlance[];
  readonly windows: readonly { readonly windowSeconds: number; readonly open: number }[];
  readonly watermarkMs: number | undefined;
  readonly lagMs: number | undefined;
  /** Events since a start that is not told: the difference of two glances is a rate. */
  readonly received: number;
  readonly refused: number;
  readonly outbox: { readonly rows: number; readonly maxRows: number | undefined };
  readonly sinks: readonly SinkGlance[];
  readonly deadLetters: ReadonlyMap<string, number>;
  /** Counts by what they count, in words. */
  readonly counts: readonly (readonly [count: number, what: string])[];
}

export interface Noted {
  readonly name: string;
  readonly detail: string;
}

export interface SourceGlance {
  readonly name: string;
  readonly state: string;
  /** Why it cannot be read. */
  readonly error: string | undefined;
  /** As {@link Glance.received}; undefined: not known for it alone. */
  readonly received: number | undefined;
  readonly refused: number | undefined;
  /** Events that the bus still has. */
  readonly unread: number | undefined;
  readonly newestEventMs: number | undefined;
}

export interface SinkGlance {
  readonly name: string;
  readonly state: string;
  /** Why it takes nothing. */
  readonly error: string | undefined;
  /** Aggregates. Undefined: not known. */
  readonly deliveredPerSecond: number | undefined;
  readonly waiting: number;
  readonly waitingSinceMs: number | undefined;
}

/** What a running handler tells. */
export function liveGlance(record: PipelineRecord): Glance {
  const { dead_letters: deadLetters, outbox } = record;
  return {
    atMs: record.at * 1000,
    instance: record.instance,
    stateFile: record.state_file,
    stateBytes: record.state_bytes,
    checkpointMs: msOf(record.checkpoint_at),
    causes: record.causes,
    alarms: record.alarms,
    notes: record.notes,
    sources: record.sources.map((source) => ({
      name: source.name,
      state: source.state,
      error: source.error ?? undefined,
      received: source.received_total,
      refused: source.refused_total,
      unread: source.unread ?? undefined,
      newestEventMs: msOf(source.newest_event),
    })),
    windows: record.windows.map(({ open, window_seconds: windowSeconds }) => ({ windowSeconds, open })),
    watermarkMs: msOf(record.watermark),
    lagMs: record.watermark_lag_seconds === null ? undefined : record.watermark_lag_seconds * 1000,
    received: record.received_total,
    refused: record.refused_total,
    outbox: { rows: outbox.rows, maxRows: outbox.max_rows },
    sinks: record.sinks.map((sink) => ({
      name: sink.name,
      state: sink.state,
      error: sink.error ?? undefined,
      deliveredPerSecond: sink.delivered_per_second ?? undefined,
      waiting: sink.waiting,
      waitingSinceMs: msOf(sink.waiting_since),
    })),
    deadLetters: new Map(Object.entries(deadLetters ?? {})),
    counts: [
      [record.received_total, "received since the start"],
      [record.refused_total, "refused"],
      [record.late_arrivals_total, "late"],
      [record.duplicate_total, "duplicate"],
      [record.dropped_total, "dropped by AGG_FUNCTIONS"],
      [record.unrouted_total, "routed to no sink"],
    ],
  };
}

/** What the state of a handler tells, as of its last checkpoint. */
export function storedGlance(status: Status, isRunning: boolean): Glance {
  const { counts, nowMs, outages, watermarkMs } = status;
  const failing = (subject: string) => outages.find((outage) => outage.subject === subject)?.detail;
  const isPaused = (kind: string, name: string) =>
    status.pauses.some((pause) => pause.kind === kind && pause.name === name);
  const isHeld = status.causes?.some(({ name }) => OBSTACLES.some((obstacle) => obstacle === name)) ?? false;
  const stateOf = (kind: "source" | "sink", name: string, error: string | undefined) => {
    if (isPaused(kind, name)) return "paused";
    if (error !== undefined) return "failing";
    if (!isRunning) return "stopped";
    return kind === "source" && isHeld ? "held" : "running";
  };
  return {
    atMs: nowMs,
    instance: status.instance,
    stateFile: status.stateFile,
    stateBytes: status.stateBytes,
    checkpointMs: status.checkpointMs,
    causes: [
      ...(isRunning ? [] : [{ name: "not_running", detail: "no handler runs on this state" }]),
      ...(isRunning && status.causes || [
        ...status.pauses.map((pause) => ({ name: `${pause.kind}_paused`, detail: pauseInWords(pause) })),
        ...outages.map(({ detail, subject }) => ({ name: "out_of_reach", detail: `${subject}: ${detail}` })),
      ]),
    ],
    alarms: [
      ...status.alarms.map((alarm) => ({ name: alarm.kind, detail: told(alarm) })),
      ...status.refusalAlarms.map(({ detail, reason }) => ({ name: refusalAlarmName(reason), detail })),
    ],
    notes: status.notes,
    sources: status.buses.filter(({ isConfigured }) => isConfigured).map(({ name, partitions: known }) => {
      const partitions = known.filter(({ isGone }) => !isGone);
      const error = failing(`bus ${name}`);
      const offsets = partitions.flatMap(({ nextOffset }) => nextOffset ?? []);
      const newest = partitions.flatMap(({ newestEventMs }) => newestEventMs ?? []);
      return {
        name,
        state: stateOf("source", name, error),
        error,
        received: offsets.length === partitions.length ? offsets.reduce((a, b) => a + b, 0) : undefined,
        refused: undefined,
        unread: undefined,
        newestEventMs: newest.length === 0 ? undefined : newest.reduce((a, b) => Math.max(a, b)),
      };
    }),
    windows: [...status.openByLength].map(([lengthMs, open]) => ({ windowSeconds: lengthMs / 1000, open })),
    watermarkMs,
    lagMs: undefined,
    received: counts.received,
    refused: refusedIn(counts),
    outbox: { rows: status.outboxRows, maxRows: undefined },
    sinks: status.sinks.map(({ name }) => {
      const error = failing(`sink ${name}`);
      const waiting = status.waiting.get(name) ?? 0;
      return {
        name,
        state: stateOf("sink", name, error),
        error,
        deliveredPerSecond: isRunning ? status.paces.get(name) : undefined,
        waiting,
        waitingSinceMs: undefined,
      };
    }),
    deadLetters: status.deadLetters,
    counts: [
      [counts.received, "received in all"],
      [refusedIn(counts), "refused"],
      [counts.lateArrivals, "late"],
      [counts.duplicate, "duplicate"],
      [counts.dropped, "dropped by AGG_FUNCTIONS"],
      [counts.unrouted, "routed to no sink"],
    ],
  };
}

function msOf(seconds: number | null): number | undefined {
  return seconds === null ? undefined : seconds * 1000;
}
