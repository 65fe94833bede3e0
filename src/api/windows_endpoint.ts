import * as z from "zod";
import type { Inquiries } from "../control/inquiries.ts";
import type { WindowsOfTier } from "../control/window_list.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { answered, OVERLOADED } from "./inquiry.ts";
import { integerParameter, TIER } from "./query_parameters.ts";
import { WINDOW } from "./status_endpoint.ts";

const SECONDS = z.number().meta({ description: "Unix seconds" });
const COUNT = z.int().min(0);

const CLOSED = z.strictObject({
  window_start: SECONDS,
  window_end: SECONDS,
  closed_at: SECONDS,
  aggregates: COUNT.meta({ description: "Aggregates that the window closed with" }),
  corrections: COUNT.meta({ description: "Aggregates that late events have brought since" }),
  corrected_at: SECONDS.nullable(),
  waiting_for: z.array(z.string()).meta({ description: "Sinks that have not got all of it yet" }),
  unrouted: COUNT.nullable().meta({
    description: "Aggregates that go to no sink; null: they were not counted",
  }),
});

const OLDER = z.strictObject({
  windows: COUNT,
  aggregates: COUNT,
  oldest: SECONDS.meta({ description: "The start of the oldest of these windows" }),
  last_at: SECONDS,
});

export const WINDOWS = z.strictObject({
  watermark: SECONDS.nullable().meta({
    description: "A window closes when the watermark reaches its end; null: there was no event yet",
  }),
  tiers: z.array(z.strictObject({
    window_seconds: z.number(),
    open: z.array(WINDOW).meta({ description: "Oldest first" }),
    closed: z.array(CLOSED).meta({ description: "Newest first" }),
    older: OLDER.nullable().meta({
      description: "What late events have brought lately for windows before these; null: nothing",
    }),
  })),
});

export type Windows = z.infer<typeof WINDOWS>;

/** The windows of each tier: those that are open, and those that have closed lately. */
export function windowsEndpoint(inquiries: Inquiries): Endpoint {
  return endpoint({
    method: "GET",
    path: "/api/windows",
    role: "viewer",
    summary: "the open and the newest closed windows of each tier, and which sinks have them",
    query: z.strictObject({
      tier: TIER.optional(),
      limit: integerParameter(1, 500, 20, "Closed windows of each tier at most"),
    }),
    reply: WINDOWS,
    errorStatuses: OVERLOADED,
    answer: async ({ query: { tier: lengthMs, limit } }) => {
      const { tiers, watermarkMs } = await answered(() => inquiries.windows({ lengthMs, limit }));
      return {
        watermark: watermarkMs === undefined ? null : watermarkMs / 1000,
        tiers: tiers.map(tierRecord),
      };
    },
  });
}

function tierRecord({ closed, lengthMs, older, open }: WindowsOfTier): Windows["tiers"][number] {
  return {
    window_seconds: lengthMs / 1000,
    open: open.map(({ startMs, endMs, series, events }) => ({
      window_start: startMs / 1000,
      window_end: endMs / 1000,
      series,
      events,
    })),
    closed: closed.map((window) => ({
      window_start: window.startMs / 1000,
      window_end: window.endMs / 1000,
      closed_at: window.closedMs / 1000,
      aggregates: window.aggregates,
      corrections: window.corrections,
      corrected_at: window.correctedMs === undefined ? null : window.correctedMs / 1000,
      waiting_for: [...window.waitingFor],
      unrouted: window.unrouted ?? null,
    })),
    older: older === undefined ? null : {
      windows: older.windows,
      aggregates: older.aggregates,
      oldest: older.oldestMs / 1000,
      last_at: older.lastMs / 1000,
    },
  };
}
