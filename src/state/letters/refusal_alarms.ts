import type { StateDatabase } from "../file/state_database.ts";

/** The alarm over series whose events keep coming late. */
export const LATE_DATA = "late_data";

/** An alarm: many events are refused for one reason, or those of some series keep coming late. */
export interface RefusalAlarm {
  /** Why events are refused, or {@link LATE_DATA}. */
  readonly reason: string;
  /** How many of how many events, from which bus, and the likely cause, for the operator. */
  readonly detail: string;
  /** Since when, Unix seconds. */
  readonly since: number;
}

const KEY = "refusal_alarms";

/** Its name, the same in the log, the metrics and `/readyz`. */
export function refusalAlarmName(reason: string): string {
  return reason === LATE_DATA ? LATE_DATA : `events_refused_${reason}`;
}

/** The alarms that stood at the last checkpoint. @throws {StateError} */
export function readRefusalAlarms(state: StateDatabase): RefusalAlarm[] {
  const row = state.get<{ value: string }>("SELECT value FROM meta WHERE key = ?", KEY);
  return row === undefined ? [] : JSON.parse(row.value);
}

/** Writes within the transaction of the caller. */
export function writeRefusalAlarms(state: StateDatabase, alarms: readonly RefusalAlarm[]): void {
  state.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", KEY, JSON.stringify(alarms));
}
