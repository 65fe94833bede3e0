import { REFUSALS } from "../aggregation/refusal.ts";
import { SINK_ALARMS } from "../contract/sink.ts";
import type { DeliveryState } from "../delivery/standing.ts";
import { told } from "../state/alarms.ts";
import { LATE_DATA, refusalAlarmName } from "../state/letters/refusal_alarms.ts";
import { isOf, pauseInWords } from "../state/pauses.ts";
import type { Finding, LiveBusOverview, LiveOverview, LiveSinkOverview } from "./overview.ts";

/** Every cause for not being ready that there is. */
export const CAUSES = [
  "stopping",
  "state_not_writable",
  "state_gone",
  "state_disputed",
  "outbox_full",
  "clock_behind",
  "source_paused",
  "sink_paused",
  "bus_unavailable",
  "sink_starting",
  "sink_unavailable",
  "sink_misconfigured",
] as const;

interface Cause extends Finding {
  readonly name: typeof CAUSES[number];
}

/** Every alarm that there is. */
export const ALARMS: readonly string[] = [
  ...SINK_ALARMS,
  ...REFUSALS.map(refusalAlarmName),
  LATE_DATA,
];

const SINK_CAUSES: Record<Exclude<DeliveryState, "delivering">, Cause["name"]> = {
  starting: "sink_starting",
  failing: "sink_unavailable",
  broken: "sink_unavailable",
  misconfigured: "sink_misconfigured",
};

/** The parts of an overview that readiness goes by. */
export interface Standings extends Pick<LiveOverview, "isStopping" | "obstacle" | "pauses"> {
  readonly buses: readonly Pick<LiveBusOverview, "failure">[];
  readonly sinks: readonly Pick<LiveSinkOverview, "name" | "state" | "error">[];
}

/**
 * Everything that keeps events from going in or aggregates from going out, each cause by name. Ready when
 * there is none.
 */
export function causesOf({ buses, sinks, isStopping, obstacle, pauses }: Standings): Cause[] {
  const causes: Cause[] = [];
  if (isStopping) causes.push({ name: "stopping", detail: "the handler is being stopped" });
  if (obstacle) causes.push(obstacle);
  for (const pause of pauses) causes.push({ name: `${pause.kind}_paused`, detail: pauseInWords(pause) });
  for (const { failure } of buses) {
    if (failure !== undefined) causes.push({ name: "bus_unavailable", detail: failure });
  }
  for (const { name, state, error } of sinks) {
    if (state === "delivering" || pauses.some((pause) => isOf(pause, { kind: "sink", name }))) continue;
    causes.push({ name: SINK_CAUSES[state], detail: `${name}: ${error ?? "not opened yet"}` });
  }
  return causes;
}

/** What operators should check. It does not affect readiness. */
export function alarmsOf({ alarms, refusalAlarms }: LiveOverview): Finding[] {
  return [
    ...alarms.map((alarm) => ({ name: alarm.kind, detail: told(alarm) })),
    ...refusalAlarms.map(({ reason, detail }) => ({ name: refusalAlarmName(reason), detail })),
  ];
}
