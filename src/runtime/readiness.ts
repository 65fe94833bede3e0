import { REFUSALS } from "../aggregation/refusal.ts";
import { SINK_ALARMS } from "../contract/sink.ts";
import type { DeliveryState } from "../delivery/standing.ts";
import { told } from "../state/alarms.ts";
import { LATE_DATA, refusalAlarmName } from "../state/letters/refusal_alarms.ts";
import { isOf, type Pause, pauseInWords } from "../state/pauses.ts";
import type { Finding, LiveBusOverview, LiveOverview, LiveSinkOverview } from "./overview.ts";

/** Every cause for not being ready that there is, with what strangers may know of it: no name, no address. */
const CAUSE_TEXTS = {
  stopping: "the handler is being stopped",
  state_not_writable: "the state cannot be written",
  state_gone: "the files of the state are gone",
  state_disputed: "another handler uses the same state",
  outbox_full: "the outbox is full",
  clock_behind: "the clock of the host is behind",
  source_paused: "a source is paused",
  sink_paused: "a sink is paused",
  bus_starting: "a bus is not open yet",
  bus_unavailable: "a bus cannot be read",
  sink_starting: "a sink is not open yet",
  sink_unavailable: "a sink cannot be written",
  sink_misconfigured: "a sink refuses the handler until somebody changes something",
};

export type CauseName = keyof typeof CAUSE_TEXTS;

export const CAUSES = Object.keys(CAUSE_TEXTS) as readonly CauseName[];

interface Cause extends Finding {
  readonly name: CauseName;
}

/** Every alarm that there is, likewise. */
const ALARM_TEXTS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(SINK_ALARMS.map((kind) => [kind, "a sink does not hold what it should"])),
  ...Object.fromEntries(REFUSALS.map((reason) => [refusalAlarmName(reason), "a mass of events is refused"])),
  [LATE_DATA]: "series keep sending late events",
};

export const ALARMS: readonly string[] = Object.keys(ALARM_TEXTS);

const SINK_CAUSES: Record<Exclude<DeliveryState, "delivering">, CauseName> = {
  starting: "sink_starting",
  failing: "sink_unavailable",
  broken: "sink_unavailable",
  misconfigured: "sink_misconfigured",
};

/** The parts of an overview that readiness goes by. */
export interface Standings extends Pick<LiveOverview, "isStopping" | "obstacle" | "pauses"> {
  readonly buses: readonly Pick<LiveBusOverview, "name" | "isOpen" | "failure">[];
  readonly sinks: readonly Pick<LiveSinkOverview, "name" | "state" | "error">[];
}

/**
 * Everything that keeps events from going in or aggregates from going out, each cause by name. Ready when
 * there is none.
 */
export function causesOf({ buses, sinks, isStopping, obstacle, pauses }: Standings): Cause[] {
  const causes: Cause[] = [];
  const isPaused = (kind: Pause["kind"], name: string) => pauses.some((pause) => isOf(pause, { kind, name }));
  if (isStopping) causes.push({ name: "stopping", detail: "the handler is being stopped" });
  if (obstacle) causes.push(obstacle);
  for (const pause of pauses) causes.push({ name: `${pause.kind}_paused`, detail: pauseInWords(pause) });
  for (const { failure, isOpen, name } of buses) {
    if (failure !== undefined) causes.push({ name: "bus_unavailable", detail: failure });
    else if (!isOpen && !isPaused("source", name)) {
      causes.push({ name: "bus_starting", detail: `${name}: not opened yet` });
    }
  }
  for (const { name, state, error } of sinks) {
    if (state === "delivering" || isPaused("sink", name)) continue;
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

/** What strangers may know of causes and alarms: each of them once, without the names in its detail. */
export function withoutNames(findings: readonly Finding[]): Finding[] {
  const texts: Readonly<Record<string, string>> = { ...CAUSE_TEXTS, ...ALARM_TEXTS };
  return [...new Set(findings.map(({ name }) => name))].map((name) => ({ name, detail: texts[name]! }));
}
