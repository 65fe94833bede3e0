/** What the handler and the reference bus read from the settings alike. */
import type { Fault } from "./fault.ts";
import type { AllSettings, Sources } from "./settings.ts";
import type { HostPort } from "./value_type.ts";
import type { CoreValues } from "./variables.ts";

export interface LogConfig {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly format: "text" | "json";
}

/** The address of the admin listener; undefined: there is none. */
export function listenOf({ HTTP_LISTEN }: CoreValues): HostPort | undefined {
  return HTTP_LISTEN === "off" ? undefined : HTTP_LISTEN;
}

export function logConfig(values: CoreValues, sources: Sources): LogConfig {
  return { level: values.LOG_LEVEL, format: values.LOG_FORMAT ?? (sources.isTerminal ? "text" : "json") };
}

/** Separates real faults from values that are only missing and that the command works without. */
export function triage(faults: readonly Fault[], { catalogue }: AllSettings, { isAlone }: Sources) {
  const fatal: Fault[] = [];
  const lacking: { sink: string; problem: string }[] = [];
  for (const fault of faults) {
    const { subject, problem, isAbsence } = fault;
    const name = catalogue.ofGiven(subject);
    const entry = name === undefined ? undefined : catalogue.entry(name);
    const isOutside = entry?.sink !== undefined || entry?.isOfBuses;
    if (!isAlone || !isAbsence || !isOutside) fatal.push(fault);
    else if (entry.sink) lacking.push({ sink: entry.sink.id, problem: `${subject} ${problem}` });
  }
  return { fatal, lacking };
}
