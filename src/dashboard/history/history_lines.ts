import type { History } from "../../api/history_endpoint.ts";
import type { ChartLine } from "../charts/chart_line.ts";
import type { Column } from "../charts/time_grid.ts";

/** Why events are refused. */
const REASONS = ["invalid", "future", "late", "overflow"] as const;
/** More lines than that nobody tells apart. */
const LINES_MAX = 6;

/** What came in, and what became of it, a second. */
export function throughputLines(history: History): ChartLine[] {
  const { events, seconds, sources } = history;
  const rate = (counts: Column) => perSecond(counts, seconds);
  const bySource = sources.length < 2 ? [] : busiest(
    sources.map(({ name, received }) => ({ name, values: rate(received) })),
  );
  return [
    { name: "received", values: rate(events.received) },
    { name: "aggregated", values: rate(events.aggregated) },
    ...bySource,
  ].slice(0, LINES_MAX);
}

/** How far behind the watermark and each source are, seconds. */
export function lagLines({ sources, watermark_lag_seconds }: History): ChartLine[] {
  return [
    { name: "watermark", values: watermark_lag_seconds },
    ...busiest(sources.map(({ name, lag_seconds }) => ({ name, values: lag_seconds }))),
  ].slice(0, LINES_MAX);
}

/** Events that the buses have and that were not read; empty: no bus tells. */
export function unreadLines({ sources }: History): ChartLine[] {
  const telling = sources.filter(({ unread }) => unread.some((count) => count !== null));
  return busiest(telling.map(({ name, unread }) => ({ name, values: unread })));
}

/** Outbox rows that each sink has not passed. */
export function waitingLines({ sinks }: History): ChartLine[] {
  return busiest(sinks.map(({ name, waiting }) => ({ name, values: waiting })));
}

/** Aggregates that each sink took, a second. */
export function deliveredLines({ seconds, sinks }: History): ChartLine[] {
  return busiest(sinks.map(({ name, delivered }) => ({ name, values: perSecond(delivered, seconds) })));
}

/** Events that came after their window had closed, a minute; empty: there was none. */
export function lateLines({ late_arrivals, seconds }: History): ChartLine[] {
  if (late_arrivals.every((count) => count === null || count === 0)) return [];
  return [{ name: "late", values: perMinute(late_arrivals, seconds) }];
}

/** Events that were refused, a minute, by reason; those without any are left out. Empty: none was. */
export function refusedLines({ events, seconds, sinks }: History): ChartLine[] {
  const lines = [
    ...REASONS.map((reason) => ({ name: reason as string, counts: events[reason] as Column })),
    ...sinks.map(({ name, rejected }) => ({ name: `rejected by ${name}`, counts: rejected })),
  ];
  return lines.filter(({ counts }) => counts.some((count) => count !== null && count > 0))
    .map(({ counts, name }) => ({
      name,
      values: perMinute(counts, seconds),
    })).slice(0, LINES_MAX);
}

function perMinute(counts: Column, seconds: readonly number[]): Column {
  return perSecond(counts, seconds).map((rate) => rate === null ? null : 60 * rate);
}

function perSecond(counts: Column, seconds: readonly number[]): Column {
  return counts.map((count, i) => count === null || seconds[i] === 0 ? null : count / seconds[i]!);
}

/** The lines with the greatest values, in their own order. */
function busiest(lines: readonly ChartLine[]): ChartLine[] {
  const most = ({ values }: ChartLine) =>
    values.reduce<number>((a, b) => Math.max(a, b ?? -Infinity), -Infinity);
  const chosen = new Set([...lines].sort((a, b) => most(b) - most(a)).slice(0, LINES_MAX));
  return lines.filter((line) => chosen.has(line));
}
