import * as z from "zod";
import { labelFilter } from "../event/series_filter.ts";
import { FUNCTION_LIST, functionId, functionName } from "../event/agg_function.ts";
import { INSTANT_ALLOWED, instantMs } from "../control/instant.ts";
import { durationMs } from "../platform/clock/duration.ts";

/** Longer than any name or text of labels that an event may have. */
const TEXT_MAX_CHARACTERS = 2048;

/** Text that is taken as it is. */
export function textParameter(description: string) {
  return z.string().max(TEXT_MAX_CHARACTERS).meta({ description });
}

/** A whole number. @param fallback Where the parameter is left out. */
export function integerParameter(min: number, max: number, fallback: number, description: string) {
  return optionalInteger(min, max, description).default(fallback);
}

/** The same where the parameter may be left out. */
export function optionalInteger(min: number, max: number, description: string) {
  return read(
    (text) =>
      /^\d{1,16}$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : undefined,
    `a whole number from ${min} to ${max}`,
    { type: "integer", minimum: min, maximum: max, description },
  );
}

/** A length of windows: `60`, `1m`. Read into milliseconds. */
export const TIER = read(
  (text) => {
    const ms = durationMs(text);
    return typeof ms === "number" && ms > 0 && Number.isSafeInteger(ms) ? ms : undefined;
  },
  "the length of windows, in seconds or with a unit: 60, 1m, 1h",
  {
    type: "string",
    pattern: "^[0-9]{1,9}(\\.[0-9]{1,3})?[smhd]?$",
    description: "Only windows of this length: seconds, or with a unit: 60, 1m, 1h",
  },
);

/** A time, read into Unix ms. */
export function timeParameter(description: string) {
  return read(instantMs, INSTANT_ALLOWED, { type: "string", pattern: TIME_PATTERN, description });
}

const TIME_PATTERN = "^([0-9]{1,15}(\\.[0-9]+)?|" +
  "[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2}))?)$";

/** The name of a function, read into its canonical form. */
export const FUNCTION = read(
  (text) => functionId(text) < 0 ? undefined : functionName(functionId(text)),
  FUNCTION_LIST,
  {
    type: "string",
    pattern: "^(sum|avg|min|max|count|first|last|stddev|p(100(\\.0{1,4})?|0?[0-9]{1,2}(\\.[0-9]{1,4})?))$",
    description: `One function of ${FUNCTION_LIST}`,
  },
);

/** Labels that series have, among others: `line:4,site:north`, or a JSON object for values with commas. */
export const LABELS = read(
  (text) => text.length > TEXT_MAX_CHARACTERS ? undefined : labelFilter(text),
  'key:value,key:value, or a JSON object of texts such as {"line":"4"}',
  {
    type: "string",
    anyOf: [{ pattern: "^[^:,]*:[^,]*(,[^:,]*:[^,]*)*$" }, { pattern: "^\\s*\\{.*\\}\\s*$" }],
    maxLength: TEXT_MAX_CHARACTERS,
    description: 'Only series that have these labels, among others: line:4,site:north, or {"line":"4"}',
  },
);

/**
 * A parameter that is read from its text.
 *
 * @param of Undefined: the text is wrong.
 * @param allowed To end the sentence "Allowed: …".
 * @param schema What the OpenAPI document says of it.
 */
function read<T>(of: (text: string) => T | undefined, allowed: string, schema: Record<string, unknown>) {
  return z.string().meta(schema).transform((text, context) => {
    const value = of(text);
    if (value !== undefined) return value;
    context.addIssue({ code: "custom", message: `is not understood. Allowed: ${allowed}` });
    return z.NEVER;
  });
}
