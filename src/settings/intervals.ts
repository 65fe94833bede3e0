import * as z from "zod";
import { durationMs } from "../platform/clock/duration.ts";
import type { ValueType } from "./value_type.ts";

/** Windows of one length, ms; one begins every `hopMs`, which divides `lengthMs`. */
export interface Interval {
  readonly lengthMs: number;
  readonly hopMs: number;
}

const LEAST_MS = 100;
const GREATEST_MS = 86_400_000;
/** How many windows an event may go into. Each costs time for every event, and memory for every series. */
const WINDOWS_MAX = 100;

/** Lengths of windows, several with commas, each with a hop where it has one; the shortest first. */
export function intervals(): ValueType<readonly Interval[]> {
  return {
    placeholder: "<duration[/hop],…>",
    allowed:
      "0.1 to 86400 seconds, plain, or with s, m, h or d behind it; several with commas (10,60,3600); " +
      "300/60 is windows of 300 seconds, one every 60",
    inReference: "0.1s to 1d each, several with commas; `300/60` is windows of 300 s, one every 60 s",
    schema: z.string().transform((text, context) => {
      const found = text.split(",").map((part) => interval(part.trim()));
      const problem = found.find((one) => typeof one === "string") ?? problemOf(found as Interval[]);
      if (problem === undefined) {
        return (found as Interval[]).sort((one, other) => one.lengthMs - other.lengthMs);
      }
      context.addIssue({ code: "custom", message: problem as string });
      return z.NEVER;
    }),
  };
}

/** The interval, or what is wrong with it, as the rest of a sentence. */
function interval(text: string): Interval | string {
  const [length = "", ...hops] = text.split("/").map((part) => part.trim());
  const [hop = length] = hops;
  if (hops.length > 1) return `has the part "${text}" with two hops; one length has one`;
  const [lengthMs, hopMs] = [durationMs(length), durationMs(hop)];
  const named = hops.length === 0 && text.length > 0 ? "" : `has the part "${text}", which `;
  if (typeof lengthMs === "string") return `${named}${lengthMs}`;
  if (typeof hopMs === "string") return `has a hop in "${text}" that ${hopMs}`;
  if (lengthMs < LEAST_MS) return `${named}is less than ${LEAST_MS / 1000} seconds`;
  if (lengthMs > GREATEST_MS) return `${named}is more than ${GREATEST_MS / 1000} seconds`;
  if (hopMs < LEAST_MS) return `has a hop in "${text}" that is less than ${LEAST_MS / 1000} seconds`;
  if (hopMs > lengthMs) {
    return `has a hop in "${text}" that is longer than the window: events between two windows would be lost`;
  }
  if (lengthMs % hopMs !== 0) {
    return `has a hop in "${text}" that does not divide the length of the window; ` +
      `${text.split("/")[0]}/${lengthMs / Math.round(lengthMs / hopMs) / 1000} would`;
  }
  return { lengthMs, hopMs };
}

/** What is wrong with several intervals together, as the rest of a sentence. */
function problemOf(found: readonly Interval[]): string | undefined {
  const twice = found.find(({ lengthMs }, i) =>
    found.slice(i + 1).some((other) => other.lengthMs === lengthMs)
  );
  if (twice !== undefined) {
    return `has windows of ${twice.lengthMs / 1000} seconds twice, whose aggregates could not be told apart`;
  }
  const windows = found.reduce((sum, { lengthMs, hopMs }) => sum + lengthMs / hopMs, 0);
  if (windows <= WINDOWS_MAX) return undefined;
  return `puts each event into ${windows} windows, and more than ${WINDOWS_MAX} cost too much time and ` +
    "memory: take longer hops or fewer lengths";
}
