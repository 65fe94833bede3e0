import { hasLabels } from "../event/labels.ts";
import type { NoneRule } from "../event/none_rule.ts";
import type { SeriesTrouble, SeriesTroubles } from "../ingest/series_troubles.ts";
import { cursorText } from "./cursor.ts";
import type { ListedSeries, SeriesPage, SeriesQuestion } from "./series_search.ts";
import { seriesMatcher } from "./series_text.ts";

/** A page of series, as JSON for programs. Times are Unix seconds; null: there is none. */
export type SeriesPageRecord = ReturnType<typeof seriesPageRecord>;
/** A series of a page. */
export type SeriesRecord = ReturnType<typeof seriesRecord>;

/** Troubles that are told of at most, the latest ones. */
const TROUBLES_MAX = 100;

/** What a running handler knows of series in its memory. */
export interface SeriesMemory {
  readonly troubles: SeriesTroubles;
  noneRules(): readonly NoneRule[];
}

/** Names at most that rules drop. */
const DROPPED_MAX = 20;

/** @param memory Undefined: no handler runs, or it is not known here. */
export function seriesPageRecord(
  page: SeriesPage,
  question: SeriesQuestion,
  memory: SeriesMemory | undefined,
) {
  const matches = seriesMatcher(question.text);
  return {
    series: page.series.map(seriesRecord),
    near: page.near.map(seriesRecord),
    near_left_off: page.nearLeftOff,
    dropped: droppedNames(memory?.noneRules() ?? [], question),
    troubles: [...memory?.troubles.all ?? []].filter(({ labels, name }) =>
      matches(name, labels) && hasLabels(labels, question.labels)
    ).sort((a, b) => b.lastMs - a.lastMs).slice(0, TROUBLES_MAX).map(troubleRecord),
    tiers: page.tiers.map(({ lengthMs, sinceMs }) => ({
      window_seconds: lengthMs / 1000,
      since: secondsOf(sinceMs),
    })),
    next: page.next === undefined ? null : cursorText(page.next),
  };
}

/** Names of which events never become a series. Rules look at names alone, so no labels are known. */
function droppedNames(rules: readonly NoneRule[], { labels, text }: SeriesQuestion) {
  if (Object.keys(labels).length > 0) return [];
  const matches = seriesMatcher(text);
  return rules.filter(({ setting }) => setting === "AGG_FUNCTIONS").flatMap(({ names, text: rule }) =>
    names.filter((name) => matches(name, undefined)).map((name) => ({ name, rule }))
  ).slice(0, DROPPED_MAX);
}

function seriesRecord({ aggFunc, labels, name, newSinceMs, silentSinceMs, tiers }: ListedSeries) {
  return {
    name,
    ...labelsRecord(labels),
    agg_func: aggFunc,
    silent_since: secondsOf(silentSinceMs),
    new_since: secondsOf(newSinceMs),
    tiers: [...tiers].sort(([a], [b]) => a - b).map(([lengthMs, { isOpen, newest, sinks, waitingFor }]) => ({
      window_seconds: lengthMs / 1000,
      open: isOpen,
      newest: newest === undefined ? null : {
        value: newest.value,
        window_start: newest.windowStartMs / 1000,
        window_end: newest.windowEndMs / 1000,
        count: newest.count,
        revision: newest.revision,
        sinks: [...sinks],
        waiting_for: [...waitingFor],
      },
    })),
  };
}

function troubleRecord(trouble: SeriesTrouble) {
  const { behindMs, bus, labels, lastMs, late, name, refused, sinceMs } = trouble;
  return {
    name,
    ...labelsRecord(labels),
    source: bus,
    late,
    refused: { ...refused },
    behind_seconds: behindMs / 1000,
    since: sinceMs / 1000,
    last_at: lastMs / 1000,
  };
}

function labelsRecord(labels: string | undefined): { readonly labels?: Record<string, string> } {
  return labels === undefined ? {} : { labels: JSON.parse(labels) };
}

function secondsOf(timeMs: number | undefined): number | null {
  return timeMs === undefined ? null : timeMs / 1000;
}
