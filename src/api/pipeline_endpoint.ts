import * as z from "zod";
import { pipelineRecord } from "../control/pipeline_record.ts";
import { NOTES } from "../runtime/notes.ts";
import type { LiveOverview } from "../runtime/overview.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { FINDINGS } from "./health_endpoints.ts";

const SECONDS = z.number().meta({ description: "Unix seconds" });
const COUNT = z.int().min(0);
const TOTAL = COUNT.meta({ description: "Since the start of the process" });

const PACE = z.number().min(0).nullable().meta({
  description: "Over the last minute, or the last two windows where these are longer; null: not known yet",
});

const SOURCE = z.strictObject({
  name: z.string(),
  state: z.enum(["reading", "failing", "paused", "held"]).meta({
    description: "held: nothing is read, for the first cause of the list",
  }),
  error: z.string().nullable(),
  partitions: COUNT,
  unread: z.number().nullable().meta({
    description: "Events that the bus still has; null: it does not tell",
  }),
  newest_event: SECONDS.nullable(),
  lost_total: TOTAL,
  received_total: TOTAL,
  refused_total: TOTAL,
  inbox: z.strictObject({ bytes: COUNT, max_bytes: COUNT }).nullable(),
  extent: z.strictObject({ read_bytes: COUNT, all_bytes: COUNT }).nullable(),
});

const SINK = z.strictObject({
  name: z.string(),
  state: z.enum(["starting", "delivering", "failing", "broken", "misconfigured", "paused"]),
  error: z.string().nullable(),
  waiting: COUNT,
  waiting_since: SECONDS.nullable(),
  last_delivery: SECONDS.nullable(),
  delivered_total: TOTAL,
  delivered_per_second: PACE,
  rejected_total: TOTAL,
});

/** The parts of the handler at one moment. */
export const PIPELINE = z.strictObject({
  at: SECONDS,
  instance: z.string(),
  state_file: z.string(),
  state_bytes: COUNT,
  checkpoint_at: SECONDS.nullable(),
  causes: FINDINGS,
  alarms: FINDINGS,
  notes: z.array(z.strictObject({
    name: z.enum(NOTES),
    id: z.string().meta({
      description: "Stays while the note is about the same thing, whatever numbers and times its text has",
    }),
    detail: z.string(),
    series: z.string().nullable().meta({
      description: "What finds the series that it is about; empty: all of them; null: it is about none",
    }),
  })).meta({ description: "What is so on purpose or elsewhere, and may be why aggregates are missing" }),
  sources: z.array(SOURCE),
  windows: z.array(z.strictObject({ window_seconds: z.number(), open: COUNT })),
  open_series: COUNT,
  watermark: SECONDS.nullable(),
  watermark_lag_seconds: z.number().nullable(),
  idle: z.boolean(),
  received_total: TOTAL,
  refused_total: TOTAL,
  duplicate_total: TOTAL,
  dropped_total: TOTAL,
  unrouted_total: TOTAL,
  late_arrivals_total: TOTAL,
  outbox: z.strictObject({ rows: COUNT, max_rows: COUNT, next_id: COUNT, closed_per_second: PACE }),
  sinks: z.array(SINK),
  dead_letters: z.record(z.string(), COUNT).nullable(),
});

/** The parts of the handler at this moment. */
export function pipelineEndpoint(look: () => LiveOverview): Endpoint {
  return endpoint({
    method: "GET",
    path: "/api/pipeline",
    role: "viewer",
    summary: "sources, windows, outbox and sinks at this moment: their states, lags and counters",
    query: z.strictObject({}),
    reply: PIPELINE,
    answer: () => pipelineRecord(look()),
  });
}
