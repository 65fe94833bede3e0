import type { DefaultFunction } from "../pushed_events.ts";

/** Suffixes of names that count from the start of a process on. */
const CUMULATIVE = /_(?:total|count|sum|bucket)$/;
/** `MetricType` of version 2. */
const COUNTER = 1;
const GAUGE = 2;

/**
 * What is computed of a series by default: the last value of what counts on, the mean of what goes up and
 * down. A histogram or summary is several series, which only their names tell apart.
 *
 * @param type Of version 2; 0: not known.
 */
export function usualFunction(name: string, type: number): DefaultFunction {
  if (type === COUNTER) return "last";
  if (type === GAUGE) return "avg";
  return CUMULATIVE.test(name) ? "last" : "avg";
}
