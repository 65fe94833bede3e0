import { lengthOf } from "../aggregation/tier.ts";
import { atOnce } from "../platform/clock/steps.ts";
import type { BusOverview, Overview, PartitionOverview } from "../runtime/overview.ts";
import { readAlarms } from "../state/alarms.ts";
import { AUDIT_MAX_LINES, type AuditLine, readAudit } from "../state/audit.ts";
import { readBookEntries } from "../state/checkpoint/book_entries.ts";
import { countsOf } from "../state/checkpoint/counts.ts";
import { type ListedWindow, openWindowSteps } from "../state/checkpoint/open_window_list.ts";
import { offsetOf, readPartitions } from "../state/checkpoint/partitions.ts";
import { readAddresses } from "../state/checkpoint/source_names.ts";
import { readTierCounts, type TierCounts } from "../state/checkpoint/tier_books.ts";
import { StateDatabase } from "../state/file/state_database.ts";
import { StateLock } from "../state/file/state_lock.ts";
import { deadLetterCountSteps } from "../state/letters/dead_letter_scan.ts";
import { readRefusalAlarms } from "../state/letters/refusal_alarms.ts";
import { SinkRegistry, waitingRows } from "../state/outbox/sink_registry.ts";
import { readOutages } from "../state/outages.ts";
import { readPauses } from "../state/pauses.ts";
import {
  type NotedCause,
  type NotedCircumstance,
  readStandingNote,
  type StandingNote,
} from "../state/standing_note.ts";

/** The content of a state as of its last checkpoint: the overview, and the lists that take longer to read. */
export interface Status extends Overview {
  /** Oldest first. */
  readonly windows: readonly ListedWindow[];
  /** The counts of each tier, by the length of its windows in ms. */
  readonly tiers: ReadonlyMap<number, TierCounts>;
  /** Rows that each sink still gets, by its name. */
  readonly waiting: ReadonlyMap<string, number>;
  /** Dead letters that are kept, by reason. */
  readonly deadLetters: ReadonlyMap<string, number>;
  /** Why the handler that runs on the state is not ready; undefined: not known. */
  readonly causes: readonly NotedCause[] | undefined;
  /** What the handler has noted last, while it ran: see `notes.ts`. */
  readonly notes: readonly NotedCircumstance[];
  /** Aggregates a second by the names of sinks, noted likewise; not there: not known. */
  readonly paces: ReadonlyMap<string, number>;
  /** As of the last read of the handler, also partitions that have gone away. */
  readonly buses: readonly StoredBusOverview[];
  /** Operators' orders, the newest first. */
  readonly audit: readonly AuditLine[];
}

export interface StoredBusOverview extends BusOverview {
  /** Where it was found last, without credentials. */
  readonly address: string;
  /** Whether it was configured when a handler ran last. */
  readonly isConfigured: boolean;
  readonly partitions: readonly StoredPartitionOverview[];
}

export interface StoredPartitionOverview extends PartitionOverview {
  /** Whether its bus has it no more. Where it was read to is kept, in case it comes back. */
  readonly isGone: boolean;
}

const AUDIT_LINES = 10;

/** The status of the state in a directory, whether a handler runs on it or not. @throws {StateError} */
export function statusIn(stateDir: string, nowMs: number, hasWholeAudit = false): Status {
  const state = StateDatabase.openForReading(stateDir);
  try {
    return readStatus(state, nowMs, hasWholeAudit ? AUDIT_MAX_LINES : AUDIT_LINES);
  } finally {
    state.close();
  }
}

/** Whether a handler runs on the state in a directory. */
export function isRunningIn(stateDir: string): boolean {
  return StateLock.isHeld(stateDir);
}

/** Reads the status from an open state. @param auditLines Operators' orders at most. @throws {StateError} */
export function readStatus(state: StateDatabase, nowMs: number, auditLines = AUDIT_LINES): Status {
  return state.snapshot(() => atOnce(statusSteps(state, nowMs, auditLines)));
}

/** The same in steps, for which the state must be one consistent view. @throws {StateError} */
export function* statusSteps(
  state: StateDatabase,
  nowMs: number,
  auditLines = AUDIT_LINES,
): Generator<undefined, Status> {
  const entries = readBookEntries(state);
  const note = readStandingNote(state);
  const { sinks } = SinkRegistry.read(state);
  const outboxEndId = entries.get("outbox_end_id") ?? 0;
  const windows = yield* openWindowSteps(state);
  const waiting = new Map<string, number>();
  for (const sink of sinks) {
    waiting.set(sink.id, waitingRows(state, sink));
    yield;
  }
  const deadLetters = yield* deadLetterCountSteps(state);
  return {
    nowMs,
    instance: state.instanceId,
    stateId: state.stateId,
    stateFile: state.path,
    stateBytes: state.sizeBytes(),
    checkpointMs: entries.get("checkpoint_at_ms"),
    watermarkMs: entries.get("watermark_ms"),
    counts: countsOf(entries),
    openWindows: windows.length,
    openByLength: new Map(
      [...Map.groupBy(windows, lengthOf)].map(([lengthMs, ofLength]) => [lengthMs, ofLength.length]),
    ),
    tiers: readTierCounts(state),
    openSeries: windows.reduce((sum, { series }) => sum + series, 0),
    outboxEndId,
    outboxRows: Math.max(0, ...sinks.map(({ cursor }) => outboxEndId - cursor)),
    causes: note?.causes,
    notes: note?.notes ?? [],
    paces: new Map(
      Object.entries(note?.paces ?? {}).flatMap(([sink, pace]) =>
        pace === null ? [] : [[sink, pace] as const]
      ),
    ),
    buses: busesIn(state, note?.partitions),
    sinks: sinks.map(({ id: name, cursor }) => ({ name, cursor })),
    outages: readOutages(state),
    alarms: readAlarms(state),
    refusalAlarms: readRefusalAlarms(state),
    pauses: readPauses(state),
    windows,
    waiting,
    deadLetters: new Map([...deadLetters].map(([reason, { count }]) => [reason, count])),
    audit: readAudit(state, auditLines),
  };
}

/** @param present The partitions that there are; undefined: not known. */
function busesIn(state: StateDatabase, present: StandingNote["partitions"] | undefined): StoredBusOverview[] {
  const noted = present && new Map(Object.entries(present));
  const addresses = readAddresses(state);
  const bySource = Map.groupBy(readPartitions(state), ({ source }) => source);
  return [...bySource].map(([name, rows]) => ({
    name,
    address: addresses.get(name) ?? name,
    isConfigured: noted?.has(name) ?? true,
    partitions: rows.map(({ partition, lineage, position, greatest_ms }) => ({
      partition,
      isGone: noted !== undefined && noted.get(name) !== null && !noted.get(name)?.includes(partition),
      log: lineage ?? undefined,
      position: position ?? undefined,
      nextOffset: offsetOf(position ?? undefined),
      newestEventMs: greatest_ms ?? undefined,
    })),
  }));
}
