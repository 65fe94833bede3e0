import type { DeliveryState } from "../delivery/delivery.ts";
import type { Router } from "../delivery/router.ts";
import { readAlarms, told } from "../state/alarms.ts";
import type { StateDatabase } from "../state/file/state_database.ts";
import type { Core } from "./core.ts";

interface Finding {
  readonly name: string;
  readonly detail: string;
}

/** Ready when there are no causes not to be. Alarms are for people: they make nobody less ready. */
export interface Readiness {
  readonly causes: readonly Finding[];
  readonly alarms: readonly Finding[];
}

const SINK_CAUSES: Record<Exclude<DeliveryState, "delivering">, string> = {
  starting: "sink_starting",
  failing: "sink_unavailable",
  broken: "sink_unavailable",
  misconfigured: "sink_misconfigured",
};

/** Everything that keeps events from going in or aggregates from going out, each cause by name; and what is to be looked at. */
export function readiness({ ingest, state }: Core, router: Router, isStopping: boolean): Readiness {
  const causes: Finding[] = [];
  if (isStopping) causes.push({ name: "stopping", detail: "the handler is being stopped" });
  if (ingest.obstacle) causes.push(ingest.obstacle);
  for (const { failure } of ingest.partitions) {
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
