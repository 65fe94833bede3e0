import type { EventTexts } from "./declaration.ts";
import type { CoreValues } from "./variables.ts";
import { decoded } from "../platform/net/percent_encoding.ts";

/** The parameters of a bus's URL that say how its records are read, each beside its setting. */
const PARAMETERS: Readonly<Record<string, keyof EventTexts>> = {
  format: "format",
  name: "name",
  value: "value",
  timestamp: "timestamp",
  time_unit: "timeUnit",
  function: "function",
  id: "id",
  labels: "labels",
};

/** The format of a bus whose records say their formats themselves. */
export const OWN_FORMATS = "own";

/** The setting of each text. */
export const EVENT_SETTINGS: Readonly<Record<keyof EventTexts, string>> = {
  format: "EVENT_FORMAT",
  name: "EVENT_NAME",
  value: "EVENT_VALUE",
  timestamp: "EVENT_TIMESTAMP",
  timeUnit: "EVENT_TIME_UNIT",
  function: "EVENT_FUNCTION",
  id: "EVENT_ID",
  labels: "EVENT_LABELS",
};

/** Whether a parameter of a URL is one of these: they hold no secrets. */
export function isEventParameter(name: string): boolean {
  return Object.hasOwn(PARAMETERS, name);
}

/** The URL parameter for one of these texts. */
export function parameterOf(text: keyof EventTexts): string {
  return Object.keys(PARAMETERS).find((name) => PARAMETERS[name] === text)!;
}

/** Splits the URL of a bus into the URL without the parameters about records, and these parameters. */
export function partEvents(
  text: string,
): { readonly url: string; readonly events: Partial<EventTexts> } | { readonly problem: string } {
  const [, url = text, query] = /^([^?]*)\?(.*)$/s.exec(text) ?? [];
  // Before an @, the question mark may be a part of a password.
  if (query === undefined || query.includes("@")) return { url: text, events: {} };
  const events: Partial<Record<keyof EventTexts, string>> = {};
  const rest: string[] = [];
  for (const parameter of query.split("&")) {
    const equals = parameter.indexOf("=");
    const name = parameter.slice(0, Math.max(0, equals));
    if (!isEventParameter(name)) {
      rest.push(parameter);
      continue;
    }
    const value = decoded(parameter.slice(equals + 1));
    const key = PARAMETERS[name]!;
    if (value === undefined) {
      return { problem: `has a parameter ${name} with a % that does not begin a percent-encoded character` };
    }
    if (value === "") return { problem: `has a parameter ${name} that is empty` };
    if (events[key] !== undefined) return { problem: `has the parameter ${name} twice` };
    events[key] = value;
  }
  return { url: rest.length === 0 ? url : `${url}?${rest.join("&")}`, events };
}

/** How the records of a bus are read. Parameters of its URL override the settings for all buses. */
export function eventTexts(values: CoreValues, own: Partial<EventTexts>): EventTexts {
  return {
    format: values.EVENT_FORMAT,
    name: values.EVENT_NAME,
    value: values.EVENT_VALUE,
    timestamp: values.EVENT_TIMESTAMP,
    timeUnit: values.EVENT_TIME_UNIT,
    function: values.EVENT_FUNCTION,
    id: values.EVENT_ID,
    labels: values.EVENT_LABELS,
    ...own,
  };
}
