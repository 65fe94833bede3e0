import type { Aggregate } from "../aggregation/aggregate.ts";
import type { SoughtSeries } from "../contract/read_back.ts";
import { printable } from "../platform/log/printable.ts";
import type { StateDatabase } from "../state/file/state_database.ts";
import {
  archivedSinceMs,
  archivedWindows,
  SeriesInArchive,
  windowLengths,
} from "../state/outbox/archive_windows.ts";
import type { WindowKey } from "../state/outbox/expected_rows.ts";
import { compareAggregates, isAfter, type PageEnd } from "./aggregate_order.ts";
import { assertTier } from "./known_tiers.ts";
import type { SinkRows } from "./sink_rows.ts";
import type { StateViews } from "./state_views.ts";

/** Which aggregates are looked for: those of windows that start in `[fromMs, untilMs)`, Unix ms. */
export interface AggregatesQuestion extends SoughtSeries {
  readonly fromMs: number;
  readonly untilMs: number;
  /** Length of windows, ms; undefined: of every length. */
  readonly lengthMs: number | undefined;
  /** Whether earlier revisions are wanted too. Only the archive has them. */
  readonly hasCorrections: boolean;
  readonly limit: number;
  /** The end of the page before; undefined: this is the first one. */
  readonly after: PageEnd | undefined;
}

export interface AggregatesPage {
  readonly instance: string;
  /** In the order of {@link compareAggregates}. */
  readonly aggregates: readonly Aggregate[];
  /** What was read for this page, oldest part first. */
  readonly parts: readonly ReadPart[];
  /** Undefined: it is the last page. */
  readonly next: PageEnd | undefined;
}

/** A span of the answer, Unix ms, and who had it. */
export interface ReadPart {
  readonly fromMs: number;
  readonly untilMs: number;
  /** The sink; undefined: the archive of the state. */
  readonly sink: string | undefined;
  /** Why the span may lack aggregates; undefined: it lacks none. */
  readonly lack: string | undefined;
}

/** Windows that are searched in one step of the listing. */
const WINDOWS_A_STEP = 256;
/** Windows of the archive that are searched for one page. */
const WINDOWS_MAX = 4096;

/** A part of a page: all aggregates of windows that start before `reachedMs` are in it. */
interface Part {
  readonly aggregates: Aggregate[];
  readonly reachedMs: number;
}

/** What the state says about a question. */
interface Found {
  readonly instance: string;
  /** From this start of windows on, the archive has all. */
  readonly sinceMs: number;
  readonly lengthsMs: readonly number[];
  /** Of windows that start before `sinceMs`. */
  readonly old: Part & { readonly windows: ReadonlySet<string> };
  /** Of windows from `sinceMs` on; undefined: there was no room for them. */
  readonly recent: Part | undefined;
}

/**
 * A page of aggregates. The archive of the state has those within the horizon. For older ones an SQL sink is
 * asked, except for windows that the archive still has.
 *
 * @throws {StateError} @throws {BusyError} @throws {QuestionError}
 */
export function searchAggregates(
  views: StateViews,
  sinks: SinkRows,
  question: AggregatesQuestion,
  nowMs: number,
): Promise<AggregatesPage> {
  return views.inOrder(async (signal) => {
    const asked = { ...question, fromMs: Math.max(question.fromMs, question.after?.startMs ?? -Infinity) };
    const found = await views.read((state) => searchArchive(state, asked, nowMs), signal);
    const { instance, sinceMs, recent } = found;
    const parts: ReadPart[] = [];
    let old: Part = { aggregates: [], reachedMs: asked.fromMs };
    const oldUntilMs = Math.min(asked.untilMs, sinceMs);
    if (asked.fromMs < oldUntilMs) {
      const { part, read } = await searchSinks(sinks, asked, found, signal);
      old = part;
      parts.push({ fromMs: asked.fromMs, untilMs: part.reachedMs, ...read });
    }
    const isOldDone = old.reachedMs >= oldUntilMs;
    const together = isOldDone ? [...old.aggregates, ...recent?.aggregates ?? []] : old.aggregates;
    const reachedMs = isOldDone ? recent?.reachedMs ?? oldUntilMs : old.reachedMs;
    if (isOldDone && recent !== undefined && recent.reachedMs > Math.max(asked.fromMs, sinceMs)) {
      const fromMs = Math.max(asked.fromMs, sinceMs);
      parts.push({ fromMs, untilMs: recent.reachedMs, sink: undefined, lack: undefined });
    }
    const aggregates = together.filter((aggregate) => isAfter(aggregate, asked.after));
    return { instance, parts, ...pageOf(aggregates, question, reachedMs) };
  });
}

/** Cuts a page off. */
function pageOf(
  found: readonly Aggregate[],
  { untilMs, hasCorrections, limit }: AggregatesQuestion,
  reachedMs: number,
): Pick<AggregatesPage, "aggregates" | "next"> {
  const sorted = (hasCorrections ? found : finalOf(found)).toSorted(compareAggregates);
  if (sorted.length > limit) {
    const aggregates = sorted.slice(0, limit);
    const last = aggregates.at(-1)!;
    return { aggregates, next: { startMs: last.windowStartMs, last } };
  }
  return {
    aggregates: sorted,
    next: reachedMs < untilMs ? { startMs: reachedMs, last: undefined } : undefined,
  };
}

/** The highest revision of each aggregate. */
function finalOf(aggregates: readonly Aggregate[]): Aggregate[] {
  const newest = new Map<string, Aggregate>();
  for (const aggregate of aggregates) {
    const { labels = "", aggFunc, windowStartMs, windowEndMs, revision } = aggregate;
    const key = `${windowStartMs} ${windowEndMs} ${aggFunc} ${labels}`;
    if (revision >= (newest.get(key)?.revision ?? 0)) newest.set(key, aggregate);
  }
  return [...newest.values()];
}

function* searchArchive(
  state: StateDatabase,
  question: AggregatesQuestion,
  nowMs: number,
): Generator<undefined, Found> {
  const { fromMs, untilMs, lengthMs, limit } = question;
  assertTier(state, lengthMs);
  const lengthsMs = windowLengths(state).filter((length) => length === (lengthMs ?? length));
  const sinceMs = archivedSinceMs(state, lengthsMs, nowMs) ?? untilMs;
  const series = new SeriesInArchive(state, question);
  const oldUntilMs = Math.min(untilMs, sinceMs);
  const windows = new Set<string>();
  const old = fromMs < oldUntilMs
    ? yield* searchWindows(state, series, lengthsMs, { fromMs, untilMs: oldUntilMs, limit }, windows)
    : { aggregates: [], reachedMs: oldUntilMs };
  const isFull = old.reachedMs < oldUntilMs || old.aggregates.length > limit;
  const recent = isFull || untilMs <= sinceMs ? undefined : yield* searchWindows(state, series, lengthsMs, {
    fromMs: Math.max(fromMs, sinceMs),
    untilMs,
    limit: limit - old.aggregates.length,
  });
  return { instance: state.instanceId, sinceMs, lengthsMs, old: { ...old, windows }, recent };
}

/** @param passed Gets the windows that were searched. */
function* searchWindows(
  state: StateDatabase,
  series: SeriesInArchive,
  lengthsMs: readonly number[],
  { fromMs, untilMs, limit }: { readonly fromMs: number; readonly untilMs: number; readonly limit: number },
  passed?: Set<string>,
): Generator<undefined, Part> {
  const aggregates: Aggregate[] = [];
  let reachedMs = fromMs;
  for (let searched = 0; searched < WINDOWS_MAX;) {
    const windows = lengthsMs.flatMap((lengthMs) =>
      archivedWindows(state, lengthMs, { fromMs: reachedMs, untilMs, limit: WINDOWS_A_STEP })
    ).sort((a, b) => a.startMs - b.startMs || a.endMs - b.endMs).slice(0, WINDOWS_A_STEP);
    const isLast = windows.length < WINDOWS_A_STEP;
    for (const [startMs, starting] of Map.groupBy(windows, (window) => window.startMs)) {
      // Of windows that start at the same time, the longest may be beyond the end of the list.
      if (!isLast && startMs === windows.at(-1)!.startMs && startMs !== windows[0]!.startMs) break;
      for (const window of starting) {
        aggregates.push(...yield* series.rowsOf(window));
        passed?.add(windowText(window));
      }
      searched += starting.length;
      reachedMs = startMs + 1;
      if (aggregates.length > limit) return { aggregates, reachedMs };
    }
    if (isLast) return { aggregates, reachedMs: untilMs };
    yield;
  }
  return { aggregates, reachedMs };
}

/** The older part of a page: rows of a sink, and those of windows that the archive still has. */
async function searchSinks(
  sinks: SinkRows,
  question: AggregatesQuestion,
  { instance, lengthsMs, old, sinceMs }: Found,
  signal: AbortSignal,
): Promise<{ readonly part: Part; readonly read: Pick<ReadPart, "sink" | "lack"> }> {
  const untilMs = Math.min(question.untilMs, sinceMs, old.reachedMs);
  const sought = { ...question, untilMs, limit: question.limit + 1 };
  const answer = await sinks.rowsOf(instance, sought, lengthsMs, signal);
  const aggregates = answer.aggregates.filter((row) =>
    !old.windows.has(windowText({ startMs: row.windowStartMs, endMs: row.windowEndMs }))
  );
  for (const row of old.aggregates) if (row.windowStartMs < answer.reachedMs) aggregates.push(row);
  const { reachedMs, sink, lack } = answer;
  return {
    part: { aggregates, reachedMs },
    read: { sink, lack: lack === undefined ? undefined : printable(lack) },
  };
}

function windowText({ startMs, endMs }: WindowKey): string {
  return `${startMs} ${endMs}`;
}
