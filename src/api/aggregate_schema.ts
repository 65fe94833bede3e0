import * as z from "zod";

/** An aggregate as sinks write it: `AggregateRecord`. */
export const AGGREGATE = z.strictObject({
  name: z.string(),
  labels: z.record(z.string(), z.string()).optional(),
  agg_func: z.string(),
  value: z.number().nullable().meta({ description: "null: it was no finite number" }),
  timestamp: z.number().meta({ description: "Unix seconds, the same as window_start" }),
  window_start: z.number(),
  window_end: z.number(),
  count: z.int().min(0),
  revision: z.int().min(0),
  instance: z.string(),
});
