import * as z from "zod";
import { BOOK_ENTRIES } from "../aggregation/event_books.ts";
import type { Controls } from "../runtime/controls.ts";
import type { LiveOverview } from "../runtime/overview.ts";
import { type FigureSpan, SPANS } from "../state/figures/figure_history.ts";
import type { Figures } from "../state/figures/figures.ts";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { timeParameter } from "./query_parameters.ts";

const COUNTS = z.array(z.int().min(0));
/** A column of what is not known in each step. */
const COUNTS_KNOWN = z.array(z.int().min(0).nullable());
const SECONDS_KNOWN = z.array(z.number().nullable());

const EVENTS = z.strictObject(
  Object.fromEntries(BOOK_ENTRIES.map((entry) => [entry, COUNTS])) as Record<
    typeof BOOK_ENTRIES[number],
    typeof COUNTS
  >,
);

const SOURCE = z.strictObject({
  name: z.string(),
  received: COUNTS_KNOWN,
  lag_seconds: SECONDS_KNOWN.meta({ description: "How old its newest event was; null: it had none" }),
  unread: COUNTS_KNOWN.meta({
    description: "Events that the bus had and that were not read yet; null: it did not tell",
  }),
});

const SINK = z.strictObject({
  name: z.string(),
  delivered: COUNTS_KNOWN,
  rejected: COUNTS_KNOWN,
  waiting: COUNTS_KNOWN.meta({ description: "Outbox rows that the sink had not passed" }),
});

/** Columns of the same length, one element for each step. */
export const HISTORY = z.strictObject({
  span: z.enum(["hour", "day"]),
  step_seconds: z.number(),
  from: z.number().meta({ description: "Unix seconds; the span begins here" }),
  to: z.number().meta({ description: "Unix seconds; now" }),
  times: z.array(z.number()).meta({
    description: "Where each step begins, Unix seconds; steps in which the handler did not run are missing",
  }),
  seconds: z.array(z.number()).meta({ description: "For how long of the step the handler ran" }),
  events: EVENTS.meta({ description: "What became of the events that came in the step" }),
  late_arrivals: COUNTS_KNOWN.meta({
    description: "Events that came after their window had closed; null: they were not counted yet",
  }),
  outbox_rows: COUNTS,
  outbox_max_rows: z.int().min(0),
  open_windows: COUNTS,
  watermark_lag_seconds: SECONDS_KNOWN.meta({
    description: "How far event time was behind the wall clock; null: there was no event yet",
  }),
  sources: z.array(SOURCE),
  sinks: z.array(SINK),
});

export type History = z.infer<typeof HISTORY>;

/** The figures of the last hour and day, for charts. */
export function historyEndpoint(figures: Controls["figures"], look: () => LiveOverview): Endpoint {
  return endpoint({
    method: "GET",
    path: "/api/history",
    role: "viewer",
    summary: "throughput, lag, outbox, delivered and refused over the last hour or day, in columns",
    query: z.strictObject({
      span: z.enum(["hour", "day"]).default("hour").meta({
        description: "hour: in steps of 10 seconds; day: in steps of 5 minutes",
      }),
      from: timeParameter("Only steps that begin then or later; default: all of the span").optional(),
    }),
    reply: HISTORY,
    answer: ({ query: { span, from = -Infinity } }) => {
      const { nowMs, outboxMaxRows } = look();
      const fromMs = Math.max(from, nowMs - SPANS[span].lengthMs);
      const steps = figures(span).filter(({ atMs }) => atMs >= fromMs && atMs <= nowMs);
      return historyRecord(steps, { span, fromMs, nowMs, outboxMaxRows });
    },
  });
}

interface Frame {
  readonly span: FigureSpan;
  readonly fromMs: number;
  readonly nowMs: number;
  readonly outboxMaxRows: number;
}

function historyRecord(steps: readonly Figures[], { span, fromMs, nowMs, outboxMaxRows }: Frame): History {
  return {
    span,
    step_seconds: SPANS[span].stepMs / 1000,
    from: fromMs / 1000,
    to: nowMs / 1000,
    times: steps.map(({ atMs }) => atMs / 1000),
    seconds: steps.map(({ seconds }) => seconds),
    events: Object.fromEntries(
      BOOK_ENTRIES.map((entry) => [entry, steps.map(({ events }) => events[entry])]),
    ) as History["events"],
    late_arrivals: steps.map(({ lateArrivals }) => lateArrivals ?? null),
    outbox_rows: steps.map(({ outboxRows }) => outboxRows),
    outbox_max_rows: outboxMaxRows,
    open_windows: steps.map(({ openWindows }) => openWindows),
    watermark_lag_seconds: steps.map(({ watermarkLagMs }) => secondsOf(watermarkLagMs)),
    sources: partsOf(steps, ({ sources }) => sources).map(([name, found]) => ({
      name,
      received: found.map((source) => source?.received ?? null),
      lag_seconds: found.map((source) => secondsOf(source?.lagMs)),
      unread: found.map((source) => source?.unread ?? null),
    })),
    sinks: partsOf(steps, ({ sinks }) => sinks).map(([name, found]) => ({
      name,
      delivered: found.map((sink) => sink?.delivered ?? null),
      rejected: found.map((sink) => sink?.rejected ?? null),
      waiting: found.map((sink) => sink?.waiting ?? null),
    })),
  };
}

/** Each part by its name, with its figures in each step; undefined: there was no such part then. */
function partsOf<T extends { readonly name: string }>(
  steps: readonly Figures[],
  of: (figures: Figures) => readonly T[],
): [name: string, found: (T | undefined)[]][] {
  const parts = new Map<string, (T | undefined)[]>();
  for (const [i, step] of steps.entries()) {
    for (const part of of(step)) {
      let found = parts.get(part.name);
      if (found === undefined) parts.set(part.name, found = Array(steps.length).fill(undefined));
      found[i] = part;
    }
  }
  return [...parts];
}

function secondsOf(timeMs: number | undefined): number | null {
  return timeMs === undefined ? null : timeMs / 1000;
}
