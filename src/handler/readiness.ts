import type { Readiness } from "../admin/admin_server.ts";
import type { DeliveryState } from "../router/delivery.ts";
import type { Router } from "../router/router.ts";
import { readAlarms, told } from "../store/alarms.ts";
import type { StateDatabase } from "../store/state_database.ts";
import type { Core } from "./core.ts";

const SINK_CAUSES: Record<Exclude<DeliveryState, "delivering">, string> = {
  starting: "sink_starting",
  failing: "sink_unavailable",
  broken: "sink_unavailable",
  misconfigured: "sink_misconfigured",
};

/** Everything that keeps events from going in or aggregates from going out, each cause by name; and what is to be looked at. */
export function readiness({ ingest, state }: Core, router: Router, isStopping: boolean): Readiness {
  const causes: { name: string; detail: string }[] = [];
  if (isStopping) causes.push({ name: "stopping", detail: "the handler is being stopped" });
  if (ingest.obstacle) causes.push(ingest.obstacle);
  for (const { failure } of ingest.buses) {
    if (failure !== undefined) causes.push({ name: "bus_unavailable", detail: failure });
  }
  for (const { name, state, error } of router.standings()) {
    if (state === "delivering") continue;
    causes.push({ name: SINK_CAUSES[state], detail: `${name}: ${error ?? "not opened yet"}` });
  }
  const refused = ingest.refusalAlarms.map(({ reason, detail }) => ({
    name: `events_refused_${reason}`,
    detail,
  }));
  return { causes, alarms: [...alarmsOf(state), ...refused] };
}

function alarmsOf(state: StateDatabase): Readiness["alarms"] {
  try {
    return readAlarms(state).map((alarm) => ({ name: alarm.kind, detail: told(alarm) }));
  } catch {
    // A state that cannot be read is a cause by itself.
    return [];
  }
}
