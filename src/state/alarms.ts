import type { SinkAlarm, SinkAlarmKind } from "../contract/sink.ts";
import { amount } from "../platform/log/amount.ts";
import { noteOrder, type Order } from "./audit.ts";
import type { StateDatabase } from "./file/state_database.ts";

/** An alarm over the aggregates in a sink. It stands until it is settled. */
export interface StandingAlarm extends SinkAlarm {
  readonly sink: string;
  /** Unix ms. */
  readonly sinceMs: number;
}

interface AlarmRow {
  sink: string;
  kind: SinkAlarmKind;
  detail: string;
  count: number;
  since_ms: number;
}

/** Raises an alarm, or adds to the one that stands. Returns whether it is a new one. @throws {StateError} */
export function raiseAlarm(state: StateDatabase, sink: string, alarm: SinkAlarm, nowMs: number): boolean {
  return state.transaction(() => {
    const before = readAlarms(state).find((known) => known.sink === sink && known.kind === alarm.kind);
    // Each opening finds the same missing rows, so the counts are not added.
    const count = alarm.kind === "rows_missing"
      ? Math.max(before?.count ?? 0, alarm.count)
      : (before?.count ?? 0) + alarm.count;
    state.run(
      "INSERT OR REPLACE INTO alarm (sink, kind, detail, count, since_ms) VALUES (?, ?, ?, ?, ?)",
      sink,
      alarm.kind,
      alarm.detail,
      count,
      before?.sinceMs ?? nowMs,
    );
    return before === undefined;
  });
}

export function readAlarms(state: StateDatabase): StandingAlarm[] {
  return state.all<AlarmRow>("SELECT sink, kind, detail, count, since_ms FROM alarm ORDER BY sink, kind")
    .map(({ since_ms: sinceMs, ...alarm }) => ({ ...alarm, sinceMs }));
}

/**
 * Ends the alarms over a sink, since `verify` has proven it or everything was sent to it again.
 *
 * @param order The operator's order that led to it; undefined: it is in the audit already.
 * @throws {StateError}
 */
export function settleAlarms(state: StateDatabase, sink: string, order?: Order): void {
  const standing = readAlarms(state).filter((alarm) => alarm.sink === sink).length;
  if (standing === 0) return;
  state.transaction(() => {
    state.run("DELETE FROM alarm WHERE sink = ?", sink);
    if (order !== undefined) noteOrder(state, order, `proven; ${amount(standing, "alarm")} settled`);
  });
}

/**
 * Accepts a sink as it is, by an operator's order: ends its alarms, and expects no aggregates with ids below
 * `belowId` in it. Returns how many alarms there were.
 *
 * @throws {StateError}
 */
export function acceptSink(state: StateDatabase, sink: string, belowId: number, order?: Order): number {
  return state.transaction(() => {
    state.run("INSERT OR REPLACE INTO accepted (sink, below_id) VALUES (?, ?)", sink, belowId);
    const standing = readAlarms(state).filter((alarm) => alarm.sink === sink).length;
    state.run("DELETE FROM alarm WHERE sink = ?", sink);
    if (order !== undefined) noteOrder(state, order, `taken as it is; ${amount(standing, "alarm")} settled`);
    return standing;
  });
}

/** The outbox id of the last call of {@link acceptSink}; 0: there was none. */
export function acceptedBelow(state: StateDatabase, sink: string): number {
  return state.get<{ id: number }>("SELECT below_id AS id FROM accepted WHERE sink = ?", sink)?.id ?? 0;
}

/** A standing alarm in one line. */
export function told({ sink, kind, detail, count, sinceMs }: StandingAlarm): string {
  return `${sink}, since ${new Date(sinceMs).toISOString()}: ${detail} (${
    amount(count, "row")
  } at least). What to do: ${wayOut(sink, kind)}`;
}

/** What to do about an alarm over a sink. */
export function wayOut(sink: string, kind: SinkAlarmKind): string {
  const [first, then] = kind === "rows_missing"
    ? ["verify names what is missing", "writes again what the state still has"]
    : ["find out who else writes there; verify names the differences", "writes this state's numbers again"];
  return `${first}, redeliver --sink ${sink} --since T ${then}; or, where it is meant to be so, run ` +
    `--accept-sink ${sink}`;
}
