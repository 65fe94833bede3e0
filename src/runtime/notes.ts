import { isOfFinerUnit } from "../aggregation/likely_unit.ts";
import { seriesInWords } from "../event/labels.ts";
import type { Withheld } from "../contract/source.ts";
import type { NoneRule } from "../event/none_rule.ts";
import { listed } from "../ingest/listed.ts";
import type { SourceState } from "../ingest/partition_state.ts";
import { QUIET_MS, type SeriesTrouble } from "../ingest/series_troubles.ts";
import { spanInWords } from "../ingest/span_in_words.ts";
import type { RefusalAlarm } from "../state/letters/refusal_alarms.ts";
import type { NotedCircumstance } from "../state/standing_note.ts";
import type { Rename } from "./renames/renames.ts";

/** Every note that there is. */
export const NOTES = [
  "dropped_by_functions",
  "routed_to_no_sink",
  "clock_ahead",
  "timestamps_in_finer_unit",
  "perhaps_renamed",
  "partition_awaited",
  "partition_taken",
] as const;

/**
 * What an operator may want to know who misses aggregates, though the handler does what it should. It neither
 * affects readiness nor wakes anybody.
 */
export interface Note extends NotedCircumstance {
  readonly name: typeof NOTES[number];
  /** It stays while the note is about the same thing, whatever numbers and times its text has. */
  readonly id: string;
}

/** What notes are made of. Times are Unix ms. */
export interface Noteworthy {
  readonly nowMs: number;
  readonly noneRules: readonly NoneRule[];
  readonly troubles: Iterable<SeriesTrouble>;
  readonly refusalAlarms: readonly RefusalAlarm[];
  readonly sources: readonly Pick<SourceState, "name" | "withheld">[];
  /** The newest ones first. */
  readonly renames: readonly Rename[];
}

/** The notes of one moment: what has happened before what stands by a rule. */
export function notesOf(
  { noneRules, nowMs, refusalAlarms, renames, sources, troubles }: Noteworthy,
): Note[] {
  return [
    ...renamed(renames, nowMs),
    // Where it is a mass, the alarm says more.
    ...(refusalAlarms.some(({ reason }) => reason === "future") ? [] : ofTheFuture(troubles, nowMs)),
    ...partitionNotes(sources),
    ...noneRules.map(noteOfRule),
  ];
}

/** Notes of partitions that other instances have, which say what an instance does not read and why. */
function partitionNotes(sources: Noteworthy["sources"]): Note[] {
  return sources.flatMap(({ name, withheld }) => [
    ...withheldNote(name, withheld, "wait"),
    ...withheldNote(name, withheld, "lost"),
  ]);
}

function withheldNote(bus: string, withheld: SourceState["withheld"], kind: Withheld["kind"]): Note[] {
  const ofKind = [...withheld].filter(([, one]) => one.kind === kind);
  if (ofKind.length === 0) return [];
  const words = ofKind.map(([partition, { why }]) => `${partition} (${why})`);
  const id = `${bus} ${listed(ofKind.map(([partition]) => partition))}`;
  const which = words.length === 1 ? "1 partition" : `${words.length} partitions`;
  const are = words.length === 1 ? "is" : "are";
  if (kind === "wait") {
    return [{
      name: "partition_awaited",
      id,
      detail: `${which} of ${bus} ${are} waited for: ${listed(words)}. Where the instance that has them is ` +
        "gone for good with its state, start this one once with --take-over.",
      series: null,
    }];
  }
  return [{
    name: "partition_taken",
    id,
    detail: `${which} of ${bus} ${are} read by another instance: ${listed(words)}. Nothing more is read of ` +
      "them here; verify --fleet says which events are counted twice, or by nobody.",
    series: null,
  }];
}

function noteOfRule({ hasMore, names, setting, text }: NoneRule): Note {
  const rule = `The rule \`${text}\` of ${setting}`;
  const [name, drops] = setting === "ROUTES"
    ? ["routed_to_no_sink", "sends to no sink the aggregates"] as const
    : ["dropped_by_functions", "drops the events"] as const;
  const count = `${hasMore ? "more than " : ""}${names.length} ${names.length === 1 ? "name" : "names"}`;
  const of = names.length === 0 ? "of every name it is for" : `of ${count}: ${listed(names)}`;
  return { name, id: `${setting} ${text}`, detail: `${rule} ${drops} ${of}.`, series: longestLiteral(text) };
}

/** Devices whose events are of the future, too few for an alarm. */
function ofTheFuture(troubles: Iterable<SeriesTrouble>, nowMs: number): Note[] {
  const ahead = [...troubles].filter(({ behindMs, lastMs, refused }) =>
    refused.future > 0 && behindMs < 0 && Math.abs(nowMs - lastMs) <= QUIET_MS
  );
  const hasFinerUnit = ({ behindMs, lastMs }: SeriesTrouble) => isOfFinerUnit(lastMs - behindMs, lastMs);
  return [
    ...clocksAhead(ahead.filter((trouble) => !hasFinerUnit(trouble)), nowMs),
    ...finerUnits(ahead.filter(hasFinerUnit), nowMs),
  ];
}

function clocksAhead(ahead: readonly SeriesTrouble[], nowMs: number): Note[] {
  const how = ({ behindMs }: SeriesTrouble) => `by ${spanInWords(-behindMs)}, `;
  return refusedSeries("clock_ahead", "the clock of the device is ahead", ahead, nowMs, how);
}

function finerUnits(ahead: readonly SeriesTrouble[], nowMs: number): Note[] {
  const why = "the timestamps are in a finer unit than is expected, such as milliseconds for seconds";
  return refusedSeries("timestamps_in_finer_unit", why, ahead, nowMs, () => "");
}

function refusedSeries(
  name: Note["name"],
  why: string,
  refused: readonly SeriesTrouble[],
  nowMs: number,
  how: (trouble: SeriesTrouble) => string,
): Note[] {
  if (refused.length === 0) return [];
  const words = refused.map((trouble) => {
    const ago = spanInWords(Math.max(0, nowMs - trouble.lastMs));
    return `${seriesInWords(trouble)} (${how(trouble)}the last event ${ago} ago)`;
  });
  const who = refused.length === 1 ? "1 series is" : `${refused.length} series are`;
  return [{
    name,
    id: `${listed(refused.map(seriesInWords))} ${Math.min(...refused.map(({ sinceMs }) => sinceMs))}`,
    detail: `${who} refused, since ${why}: ${listed(words)}.`,
    series: refused.length === 1 ? refused[0]!.name : "",
  }];
}

/** Series that have stopped when others began. */
function renamed(renames: readonly Rename[], nowMs: number): Note[] {
  const [newest] = renames;
  if (newest === undefined) return [];
  const words = renames.map(({ from, to }) => `${seriesInWords(from)} to ${seriesInWords(to)}`);
  const ago = `${spanInWords(Math.max(0, nowMs - newest.stoppedMs))} ago`;
  return [{
    name: "perhaps_renamed",
    id: listed(words),
    detail: renames.length === 1
      ? `1 series has stopped when another began, ${ago}. Perhaps it was renamed: ${words[0]}.`
      : `${renames.length} series have stopped when others began, the latest ${ago}. Perhaps they were ` +
        `renamed: ${listed(words)}.`,
    series: commonStart(renames.map(({ from }) => from.name)),
  }];
}

/** What all of these texts begin with. */
function commonStart(texts: readonly string[]): string {
  return texts.reduce((a, b) => {
    let end = 0;
    while (end < a.length && a[end] === b[end]) end++;
    return a.slice(0, end);
  });
}

/** What all names have in common that a rule is for: its longest piece without `*` and without the tier. */
function longestLiteral(rule: string): string {
  const pattern = rule.slice(0, rule.lastIndexOf("=")).trim().replace(/@\d[\d.smhd/]*$/, "");
  return pattern.split("*").reduce((a, b) => b.length > a.length ? b : a);
}
