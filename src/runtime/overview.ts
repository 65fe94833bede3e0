import type { DeliveryState } from "../delivery/standing.ts";
import type { StandingAlarm } from "../state/alarms.ts";
import type { Counts } from "../state/checkpoint/counts.ts";
import type { RefusalAlarm } from "../state/letters/refusal_alarms.ts";
import type { Outage } from "../state/outages.ts";
import type { Activity } from "./metric_collector.ts";

/**
 * How a handler stands at one moment: the one model that `status`, the metrics, `/readyz`, the status line of the service manager, the log
 * line of each minute and the screen of the demo read. Of a state on disk it is as of the last checkpoint. Times are Unix ms.
 */
export interface Overview {
  /** When it was looked at. */
  readonly nowMs: number;
  readonly instance: string;
  readonly stateId: string;
  readonly stateFile: string;
  readonly stateBytes: number;
  /** Undefined before the first one. */
  readonly checkpointMs: number | undefined;
  /** Undefined before the first event. */
  readonly watermarkMs: number | undefined;
  /** They go down a little when an operator retries dead letters. */
  readonly counts: Counts;
  readonly openWindows: number;
  /** Pairs of series and function in open windows. */
  readonly openSeries: number;
  /** One past the newest outbox id given out. */
  readonly outboxEndId: number;
  /** Outbox rows that the slowest sink has not passed. */
  readonly outboxRows: number;
  readonly buses: readonly BusOverview[];
  readonly sinks: readonly SinkOverview[];
  /** Buses and sinks that could not be reached when it was last noted. */
  readonly outages: readonly Outage[];
  /** What is wrong with what sinks hold. */
  readonly alarms: readonly StandingAlarm[];
  /** Masses of refused events. */
  readonly refusalAlarms: readonly RefusalAlarm[];
}

export interface BusOverview {
  readonly name: string;
  /** Those that are there; of a state on disk, those that are known. */
  readonly partitions: readonly PartitionOverview[];
}

export interface PartitionOverview {
  /** "" where the bus has but one. */
  readonly partition: string;
  /** Identity of its event log; undefined: not yet known, or it has none. */
  readonly log: string | undefined;
  /** Of what is fetched next, in the words of its source; undefined: not yet known. */
  readonly position: string | undefined;
  /** The position, where it is an offset. */
  readonly nextOffset: number | undefined;
  /** Greatest event time; undefined before its first event. */
  readonly newestEventMs: number | undefined;
}

export interface SinkOverview {
  readonly name: string;
  /** The outbox id that comes next for it. */
  readonly cursor: number;
}

/** How a handler stands that runs in this process, as of now, with what only a process knows. */
export interface LiveOverview extends Overview {
  readonly buses: readonly LiveBusOverview[];
  readonly sinks: readonly LiveSinkOverview[];
  readonly isStopping: boolean;
  /** Why nothing is fetched at the moment; undefined while fetching goes on. */
  readonly obstacle: Finding | undefined;
  readonly activity: Activity;
}

export interface LiveBusOverview extends BusOverview {
  /** Why the last read of one of its partitions failed; undefined when none did. */
  readonly failure: string | undefined;
}

export interface LiveSinkOverview extends SinkOverview {
  readonly state: DeliveryState;
  /** Why the last attempt failed; undefined when it did not. */
  readonly error: string | undefined;
}

/** Something by its name, and what there is to say of it. */
export interface Finding {
  readonly name: string;
  readonly detail: string;
}

/** Outbox rows that a sink has not passed. */
export function rowsBefore({ outboxEndId }: Overview, { cursor }: SinkOverview): number {
  return Math.max(0, outboxEndId - cursor);
}
