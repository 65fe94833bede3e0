import { SERIES_PAGE } from "../api/series_endpoint.ts";
import { searchSeries } from "../control/series_search.ts";
import { type SeriesPageRecord, seriesPageRecord, type SeriesRecord } from "../control/series_record.ts";
import type { SeriesFilter } from "../event/series_filter.ts";
import { atOnce } from "../platform/clock/steps.ts";
import { printable } from "../platform/log/printable.ts";
import { StateDatabase } from "../state/file/state_database.ts";
import { agoInWords, amountInWords, spanInWords } from "./glance_words.ts";
import type { ListenerClient } from "./listener_client.ts";
import { seriesText } from "./tap_line.ts";

/** Lines at most: who looks for more than a few series is shown them as they pass. */
const LINES_MAX = 8;
const SIMILAR_MAX = 3;
/** Events that came late or were refused longer ago say nothing of why a series is silent now. */
const STOPPED_SECONDS = 30;

/**
 * What is unusual about the series of a filter, each in a line: somebody who taps a name may wait for it in
 * vain. None for a filter of all names.
 *
 * @param client Undefined: the state is read, which does not know of late events.
 * @throws {ListenerError} @throws {StateError}
 */
export async function seriesHints(
  client: ListenerClient | undefined,
  stateDir: string,
  { labels, name }: SeriesFilter,
  signal: AbortSignal,
): Promise<string[]> {
  const text = name.split("*").reduce((a, b) => b.length > a.length ? b : a);
  if (text === "") return [];
  const question = { text, labels, lengthMs: undefined, limit: 20, after: undefined };
  if (client === undefined) return hintsOf(inState(stateDir, question), Date.now());
  const query = new URLSearchParams({ q: text, limit: `${question.limit}` });
  if (Object.keys(labels).length > 0) query.set("labels", JSON.stringify(labels));
  return hintsOf(await client.get<SeriesPageRecord>(`/api/series?${query}`, SERIES_PAGE, signal), Date.now());
}

function inState(stateDir: string, question: Parameters<typeof searchSeries>[1]): SeriesPageRecord {
  const state = StateDatabase.openForReading(stateDir);
  try {
    const page = state.snapshot(() => atOnce(searchSeries(state, question)));
    return seriesPageRecord(page, question, undefined);
  } finally {
    state.close();
  }
}

/**
 * What tells the most comes first, since the lines are cut: similar names and new series, which may be those
 * that somebody looks for; then those that are late or silent.
 *
 * @param nowMs Wall clock, Unix ms.
 */
export function hintsOf(
  { dropped, near, near_left_off, series, troubles }: SeriesPageRecord,
  nowMs: number,
): string[] {
  const ago = (seconds: number) => agoInWords(seconds * 1000, nowMs);
  const going = troubles.filter(({ last_at }) => nowMs / 1000 - last_at < STOPPED_SECONDS);
  const isAbsent = series.length === 0 && troubles.length === 0 && dropped.length === 0;
  // A series whose events keep coming late only seems to be silent: they are in older windows.
  const isTold = (one: SeriesRecord) => going.some((trouble) => seriesText(trouble) === seriesText(one));
  const unusual = [...series].sort(newFirst).flatMap((one) => {
    const told = unusualOf(isTold(one) ? { ...one, silent_since: null } : one, nowMs);
    return told.length === 0 ? [] : [`${seriesText(one)} (${one.agg_func}): ${told.join(", ")}`];
  });
  const similar = near.slice(0, SIMILAR_MAX).map((one) =>
    `${seriesText(one)}${one.new_since === null ? "" : `, first seen ${ago(one.new_since)}`}`
  );
  const leftOff = near.length - similar.length + near_left_off;
  const lines = [
    ...dropped.map(({ name, rule }) => `${name}: the rule \`${rule}\` of AGG_FUNCTIONS drops its events`),
    ...(isAbsent ? ["no series of the newest windows is called so"] : []),
    ...(similar.length > 0 && going.length === 0
      ? [
        `${series.length > 0 ? "perhaps renamed to" : "similar names"}: ${similar.join("; ")}${
          leftOff > 0 ? ` and ${leftOff} more` : ""
        }`,
      ]
      : []),
    ...troubles.map((trouble) => troubleLine(trouble, ago)),
    ...unusual,
  ];
  const more = lines.length - LINES_MAX;
  return [...lines.slice(0, LINES_MAX), ...(more > 0 ? [`and ${more} more`] : [])].map(printable);
}

function newFirst(a: SeriesRecord, b: SeriesRecord): number {
  return Number(b.new_since !== null) - Number(a.new_since !== null);
}

function troubleLine(
  trouble: SeriesPageRecord["troubles"][number],
  ago: (seconds: number) => string,
): string {
  const { behind_seconds: behind, last_at: lastAt, late, refused } = trouble;
  const counts = [
    ...(late > 0 ? [`${amountInWords(late)} late, which corrected older windows`] : []),
    ...Object.entries(refused).filter(([, count]) => count > 0).map(([reason, count]) =>
      `${amountInWords(count)} refused as ${reason}`
    ),
  ];
  const latest = `${spanInWords(Math.abs(behind) * 1000)} ${behind < 0 ? "ahead" : "late"}`;
  return `${seriesText(trouble)}: ${counts.join(", ")}; the latest came ${ago(lastAt)} and is ${latest}`;
}

function unusualOf(
  { new_since, silent_since, tiers }: SeriesRecord,
  nowMs: number,
): string[] {
  const closed = tiers.flatMap(({ newest }) => newest ?? []);
  const isLost = closed.length > 0 && closed.every(({ sinks }) => sinks.length === 0);
  return [
    ...(silent_since === null ? [] : [`silent for ${spanInWords(nowMs - silent_since * 1000)}`]),
    ...(new_since === null ? [] : [`first seen ${agoInWords(new_since * 1000, nowMs)}`]),
    ...(isLost ? ["a rule of ROUTES drops its aggregates (`=none`)"] : []),
  ];
}
