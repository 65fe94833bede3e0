import type { EventRecord, TappedAggregateRecord } from "../control/tapped_record.ts";
import { amount } from "../platform/log/amount.ts";
import { printable } from "../platform/log/printable.ts";
import type { TerminalStyle } from "../platform/terminal/style.ts";
import { lengthInWords, spanInWords } from "./glance_words.ts";

/** An event as one line for a terminal. */
export function eventLine(record: EventRecord, style: TerminalStyle): string {
  const { agg_func: aggFunc, late_seconds: late, offset, partition, refused, source, timestamp, value } =
    record;
  const where = [
    source,
    ...(partition === undefined ? [] : [partition]),
    ...(offset === undefined ? [] : [`@ ${offset}`]),
  ].join(" ");
  const parts = [
    timeOf(timestamp),
    style.strong(printable(seriesText(record))),
    `${value}`,
    ...(aggFunc === undefined ? [] : [printable(aggFunc)]),
    printable(`[${where}]`),
    ...(refused === undefined ? [] : [style.bad(`REFUSED ${refused}`)]),
    ...(late === undefined ? [] : [style.notable(`${spanInWords(late * 1000)} late`)]),
  ];
  return `${parts.join("  ")}\n`;
}

/** An aggregate as one line for a terminal. */
export function aggregateLine(record: TappedAggregateRecord, style: TerminalStyle): string {
  const { agg_func: aggFunc, count, revision, sinks, value, window_end: end, window_start: start } = record;
  const parts = [
    `${timeOf(start)} + ${lengthInWords(end - start)}`,
    style.strong(printable(seriesText(record))),
    `${printable(aggFunc)} ${value}`,
    `of ${amount(count, "event")}`,
    sinks.length === 0 ? style.bad("→ no sink: `none` in ROUTES") : printable(`→ ${sinks.join(", ")}`),
    ...(revision === 0 ? [] : [style.notable(`correction ${revision}`)]),
  ];
  return `${parts.join("  ")}\n`;
}

/** A series for people: `oven.temperature{line=4}`. */
export function seriesText({ labels, name }: Pick<EventRecord, "name" | "labels">): string {
  if (labels === undefined) return name;
  return `${name}{${Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(",")}}`;
}

/** In UTC, as everywhere else. An event's time may be anything. */
function timeOf(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `${seconds}` : date.toISOString();
}
