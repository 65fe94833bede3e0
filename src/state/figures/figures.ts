import { Buffer } from "node:buffer";
import * as z from "zod";
import { BOOK_ENTRIES } from "../../aggregation/event_books.ts";

/** Sources that have figures of their own, the first ones. More lines than that make no chart. */
const SOURCES_MAX = 16;
/** The same of sinks: a state has no more. */
const SINKS_MAX = 32;
/** Longest name in a line of the file. It is in each of the steps, and the file has a bound. */
const NAME_MAX_BYTES = 512;

const COUNT = z.int().min(0);
const NAME = z.string();

const EVENTS = z.strictObject(
  Object.fromEntries(BOOK_ENTRIES.map((entry) => [entry, COUNT])) as Record<
    typeof BOOK_ENTRIES[number],
    typeof COUNT
  >,
);

/**
 * What a handler did in a step of time, and how it stood. Counts are those of the step. What has a level,
 * such as a lag, is the greatest one that was seen; left out: it was not known.
 */
export const FIGURES = z.strictObject({
  /** The step is `[atMs, atMs + stepMs)`, Unix ms. */
  atMs: z.int(),
  stepMs: COUNT,
  /** For how long of the step the handler ran. */
  seconds: z.number().min(0),
  /** What became of the events that came. */
  events: EVENTS,
  /** Events that came after their window had closed, refused or not; left out: it was not counted. */
  lateArrivals: COUNT.optional(),
  outboxRows: COUNT,
  openWindows: COUNT,
  /** How far event time was behind the wall clock. It is below 0 where a bus's clock is ahead. */
  watermarkLagMs: z.number().optional(),
  sources: z.array(z.strictObject({
    name: NAME,
    received: COUNT,
    /** How old the newest event of the source was. */
    lagMs: z.number().optional(),
    /** Events that the bus had and that were not read yet. */
    unread: COUNT.optional(),
  })),
  sinks: z.array(z.strictObject({
    name: NAME,
    delivered: COUNT,
    rejected: COUNT,
    /** Outbox rows that the sink had not passed. */
    waiting: COUNT,
  })),
});

export type Figures = z.infer<typeof FIGURES>;
export type SourceFigures = Figures["sources"][number];
export type SinkFigures = Figures["sinks"][number];

/** Those of some sources that have figures of their own. */
export function keptSources<T extends { readonly name: string }>(sources: readonly T[]): T[] {
  return sources.filter(isKept).slice(0, SOURCES_MAX);
}

/** Those of some sinks that have figures of their own. */
export function keptSinks<T extends { readonly name: string }>(sinks: readonly T[]): T[] {
  return sinks.filter(isKept).slice(0, SINKS_MAX);
}

function isKept({ name }: { readonly name: string }): boolean {
  return Buffer.byteLength(JSON.stringify(name)) <= NAME_MAX_BYTES;
}

/** The figures of two parts of one step. Sources and sinks may have changed between them. */
export function together(a: Figures, b: Figures): Figures {
  const events = { ...a.events };
  for (const entry of BOOK_ENTRIES) events[entry] += b.events[entry];
  return {
    atMs: a.atMs,
    stepMs: a.stepMs,
    seconds: a.seconds + b.seconds,
    events,
    ...(a.lateArrivals !== undefined && b.lateArrivals !== undefined && {
      lateArrivals: a.lateArrivals + b.lateArrivals,
    }),
    outboxRows: Math.max(a.outboxRows, b.outboxRows),
    openWindows: Math.max(a.openWindows, b.openWindows),
    ...level("watermarkLagMs", a, b),
    sources: keptSources(byName(a.sources, b.sources, (one, other) => ({
      name: one.name,
      received: one.received + other.received,
      ...level("lagMs", one, other),
      ...level("unread", one, other),
    }))),
    sinks: keptSinks(byName(a.sinks, b.sinks, (one, other) => ({
      name: one.name,
      delivered: one.delivered + other.delivered,
      rejected: one.rejected + other.rejected,
      waiting: Math.max(one.waiting, other.waiting),
    }))),
  };
}

/** The greater of two levels as a property; none where neither is known. */
function level<K extends string>(
  key: K,
  a: { readonly [name in K]?: number | undefined },
  b: { readonly [name in K]?: number | undefined },
): { [name in K]?: number } {
  const known = [a[key], b[key]].filter((value) => value !== undefined);
  return known.length === 0 ? {} : { [key]: Math.max(...known) } as { [name in K]: number };
}

/** Two lists as one, in which each name is once. */
function byName<T extends { readonly name: string }>(
  a: readonly T[],
  b: readonly T[],
  join: (one: T, other: T) => T,
): T[] {
  const joined = new Map(a.map((one) => [one.name, one]));
  for (const other of b) {
    const one = joined.get(other.name);
    joined.set(other.name, one === undefined ? other : join(one, other));
  }
  return [...joined.values()];
}
