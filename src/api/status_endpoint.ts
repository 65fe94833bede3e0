import * as z from "zod";
import type { Inquiries } from "../control/inquiries.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { answered, OVERLOADED } from "./inquiry.ts";

const SECONDS = z.number().meta({ description: "Unix seconds" });
const COUNT = z.int().min(0);

const BUS = z.strictObject({
  name: z.string(),
  partition: z.string(),
  log: z.string().nullable(),
  position: z.string().nullable(),
  next_offset: z.number().nullable(),
  greatest_event_time: SECONDS.nullable(),
  gone: z.boolean().meta({
    description: "The bus has the partition no more; its position is kept in case it comes back",
  }),
});

/** An open window. */
export const WINDOW = z.strictObject({
  window_start: SECONDS,
  window_end: SECONDS,
  series: COUNT,
  events: COUNT,
});

const TIER = z.strictObject({
  window_seconds: z.number(),
  open_windows: COUNT,
  contributed: COUNT,
  closed: COUNT,
  late: COUNT,
});

const OUTBOX = z.strictObject({
  next_id: COUNT,
  rows: COUNT,
  sinks: z.array(z.strictObject({ name: z.string(), cursor: COUNT, waiting: COUNT })),
});

const DEAD_LETTERS = z.strictObject({
  total: COUNT,
  by_reason: z.record(z.string(), COUNT),
  dropped: COUNT,
});

const OUTAGE = z.strictObject({ place: z.string(), detail: z.string(), since: SECONDS });

const ALARM = z.strictObject({
  sink: z.string(),
  kind: z.enum(["rows_missing", "rows_differ"]),
  detail: z.string(),
  rows: COUNT,
  since: SECONDS,
  way_out: z.string(),
});

const PAUSE = z.strictObject({
  kind: z.enum(["source", "sink"]),
  name: z.string(),
  by: z.string(),
  since: SECONDS,
});

const ORDER = z.strictObject({
  at: SECONDS,
  who: z.string(),
  action: z.string(),
  detail: z.string(),
  result: z.string().nullable(),
});

const BOOKS = z.strictObject({
  received: COUNT,
  aggregated: COUNT,
  duplicate: COUNT,
  invalid: COUNT,
  future: COUNT,
  late: COUNT,
  overflow: COUNT,
  dropped: COUNT,
  lost: COUNT,
  late_arrivals: COUNT,
  contributed: COUNT,
  closed: COUNT,
  unrouted: COUNT,
});

/** What `status --json` prints. */
export const STATUS = z.strictObject({
  running: z.boolean(),
  instance: z.string(),
  state_id: z.string(),
  state_file: z.string(),
  state_bytes: COUNT,
  checkpoint_at: SECONDS.nullable(),
  watermark: SECONDS.nullable(),
  causes: z.array(z.strictObject({ name: z.string(), detail: z.string() })).nullable().meta({
    description: "Why the handler is not ready, as of a second ago; null: not known yet",
  }),
  notes: z.array(z.strictObject({ name: z.string(), detail: z.string() })).meta({
    description: "Why aggregates may be missing, though the handler does what it should",
  }),
  buses: z.array(BUS),
  open_windows: z.array(WINDOW),
  tiers: z.array(TIER),
  outbox: OUTBOX,
  dead_letters: DEAD_LETTERS,
  outages: z.array(OUTAGE),
  alarms: z.array(ALARM),
  paused: z.array(PAUSE),
  audit: z.array(ORDER),
  refusal_alarms: z.array(z.strictObject({ reason: z.string(), detail: z.string(), since: SECONDS })),
  accounting: BOOKS,
});

/** The content of the state as of the last checkpoint. */
export function statusEndpoint(inquiries: Inquiries): Endpoint {
  return endpoint({
    method: "GET",
    path: "/api/status",
    role: "viewer",
    summary: "what the state holds as of the last checkpoint; as status --json prints it",
    query: z.strictObject({}),
    reply: STATUS,
    errorStatuses: OVERLOADED,
    answer: () => answered(() => inquiries.status()),
  });
}
