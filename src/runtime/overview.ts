import type { Extent, InboxFill } from "../contract/source.ts";
import type { Obstacle } from "../ingest/reading_gate.ts";
import type { DeliveryState } from "../delivery/standing.ts";
import type { StandingAlarm } from "../state/alarms.ts";
import type { Counts } from "../state/checkpoint/counts.ts";
import type { RefusalAlarm } from "../state/letters/refusal_alarms.ts";
import type { Outage } from "../state/outages.ts";
import type { Certificate } from "../settings/certificate.ts";
import type { MachineUsage } from "../platform/process/machine_usage.ts";
import type { DeadLetterStock } from "../state/letters/dead_letter_counts.ts";
import type { Pause } from "../state/pauses.ts";
import type { Activity } from "./metric_collector.ts";
import type { Note } from "./notes.ts";

/**
 * The state of a handler at one moment. `status`, the metrics, `/readyz`, the status line of the service
 * manager, the log line of each minute and the screen of the demo all read this model. For a state on disk it
 * is as of the last checkpoint. Times are Unix ms.
 */
export interface Overview {
  /** The time of the reading. */
  readonly nowMs: number;
  readonly instance: string;
  readonly stateId: string;
  readonly stateFile: string;
  readonly stateBytes: number;
  /** Undefined before the first one. */
  readonly checkpointMs: number | undefined;
  /** Undefined before the first event. */
  readonly watermarkMs: number | undefined;
  /** The counts of the books. They go down a little when an operator retries dead letters. */
  readonly counts: Counts;
  readonly openWindows: number;
  /** The same by the length of the windows, ms; where a handler runs also those of which none is open. */
  readonly openByLength: ReadonlyMap<number, number>;
  /** Series in open windows, each once for each tier. */
  readonly openSeries: number;
  /** One past the newest outbox id given out. */
  readonly outboxEndId: number;
  /** Outbox rows that the slowest sink has not passed. */
  readonly outboxRows: number;
  readonly buses: readonly BusOverview[];
  readonly sinks: readonly SinkOverview[];
  /** Buses and sinks that could not be reached when it was last noted. */
  readonly outages: readonly Outage[];
  /** Alarms over the rows that sinks hold. */
  readonly alarms: readonly StandingAlarm[];
  /** Masses of refused events. */
  readonly refusalAlarms: readonly RefusalAlarm[];
  /** What operators have paused, the oldest first. */
  readonly pauses: readonly Pause[];
}

export interface BusOverview {
  readonly name: string;
  /** The present partitions; for a state on disk, the known ones. */
  readonly partitions: readonly PartitionOverview[];
}

export interface PartitionOverview {
  /** "" where the bus has a single partition. */
  readonly partition: string;
  /** Identity of its event log; undefined: not yet known, or it has none. */
  readonly log: string | undefined;
  /** The position of the next event; undefined: not yet known. */
  readonly position: string | undefined;
  /** The position, where it is an offset. */
  readonly nextOffset: number | undefined;
  /** Greatest event time; undefined before its first event. */
  readonly newestEventMs: number | undefined;
}

export interface SinkOverview {
  readonly name: string;
  /** The next outbox id for it. */
  readonly cursor: number;
}

/** The present state of the handler in this process, with what only the process knows. */
export interface LiveOverview extends Overview {
  readonly buses: readonly LiveBusOverview[];
  readonly sinks: readonly LiveSinkOverview[];
  readonly isStopping: boolean;
  /** Why nothing is fetched at the moment; undefined while fetching goes on. */
  readonly obstacle: Obstacle | undefined;
  /** Whether all partitions have been without an event for `IDLE_TIMEOUT`: then time goes on by the clock. */
  readonly isIdle: boolean;
  /** The dead letters that are kept; undefined: the state cannot be read. */
  readonly deadLetters: DeadLetterStock | undefined;
  /** `OUTBOX_MAX_ROWS` */
  readonly outboxMaxRows: number;
  /** What speaks against this host's clock; undefined: nothing. */
  readonly clockDoubt: string | undefined;
  readonly certificates: readonly Certificate[];
  readonly notes: readonly Note[];
  /** Undefined: the handler runs on no real machine. */
  readonly machine: MachineUsage | undefined;
  readonly activity: Activity;
}

export interface LiveBusOverview extends BusOverview {
  /** Whether it was opened since the start. */
  readonly isOpen: boolean;
  /** Why the last read of one of its partitions failed; undefined when none did. */
  readonly failure: string | undefined;
  /** When the first of these failures in a row was, Unix ms; undefined: none was. */
  readonly failingSinceMs: number | undefined;
  /** How much is read of its partitions that have an end; undefined: none has. */
  readonly extent: Extent | undefined;
  /** How full its inbox is; undefined: it has none. */
  readonly inbox: InboxFill | undefined;
  readonly partitions: readonly LivePartitionOverview[];
}

export interface LivePartitionOverview extends PartitionOverview {
  /** Events that the bus has behind the position, by its last answer; undefined: it does not tell. */
  readonly unreadEvents: number | undefined;
  /** Events that were lost before they were read, since the start of the process. */
  readonly lostEvents: number;
}

export interface LiveSinkOverview extends SinkOverview {
  readonly state: DeliveryState;
  /** Why the last attempt failed; undefined when it did not. */
  readonly error: string | undefined;
  /** When the first of the attempts failed that have failed in a row, Unix ms; undefined: it did not fail. */
  readonly failingSinceMs: number | undefined;
  /** When it last took aggregates; undefined: not since the start of the process. */
  readonly lastDeliveryMs: number | undefined;
  /**
   * When the oldest window was closed of which something waits for it; undefined: nothing waits, or the state
   * cannot be read.
   */
  readonly waitingSinceMs: number | undefined;
}

/** A name and a text about it. */
export interface Finding {
  readonly name: string;
  readonly detail: string;
}

/** Outbox rows that a sink has not passed. */
export function rowsBefore({ outboxEndId }: Overview, { cursor }: SinkOverview): number {
  return Math.max(0, outboxEndId - cursor);
}

/**
 * How far event time is behind the wall clock, ms. It is 0 while all buses are idle: nothing is late then.
 * Undefined before the first event.
 */
export function watermarkLagMs({ isIdle, nowMs, watermarkMs }: LiveOverview): number | undefined {
  if (watermarkMs === undefined) return undefined;
  return isIdle ? 0 : nowMs - watermarkMs;
}
