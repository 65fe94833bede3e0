import type { DeliveryState } from "../delivery/standing.ts";
import { told } from "../state/alarms.ts";
import type { Finding, LiveOverview } from "./overview.ts";

const SINK_CAUSES: Record<Exclude<DeliveryState, "delivering">, string> = {
  starting: "sink_starting",
  failing: "sink_unavailable",
  broken: "sink_unavailable",
  misconfigured: "sink_misconfigured",
};

/**
 * Everything that keeps events from going in or aggregates from going out, each cause by name. Ready when
 * there is none.
 */
export function causesOf({ buses, sinks, isStopping, obstacle }: LiveOverview): Finding[] {
  const causes: Finding[] = [];
  if (isStopping) causes.push({ name: "stopping", detail: "the handler is being stopped" });
  if (obstacle) causes.push(obstacle);
  for (const { failure } of buses) {
    if (failure !== undefined) causes.push({ name: "bus_unavailable", detail: failure });
  }
  for (const { name, state, error } of sinks) {
    if (state === "delivering") continue;
    causes.push({ name: SINK_CAUSES[state], detail: `${name}: ${error ?? "not opened yet"}` });
  }
  return causes;
}

/** What operators should check. It does not affect readiness. */
export function alarmsOf({ alarms, refusalAlarms }: LiveOverview): Finding[] {
  return [
    ...alarms.map((alarm) => ({ name: alarm.kind, detail: told(alarm) })),
    ...refusalAlarms.map(({ reason, detail }) => ({ name: `events_refused_${reason}`, detail })),
  ];
}
