import { functionName } from "../event/agg_function.ts";
import { hasLabels, seriesOf } from "../event/labels.ts";
import { isAfterStop } from "../runtime/renames/renames.ts";
import type { KeyColumn } from "../state/checkpoint/key_column.ts";
import type { StateDatabase } from "../state/file/state_database.ts";
import { windowLengths } from "../state/outbox/archive_windows.ts";
import { type FoundInTiers, FoundSeries, type SeriesName } from "./found_series.ts";
import { assertTier } from "./known_tiers.ts";
import { NearNames } from "./near_names.ts";
import { PartSieve } from "./part_sieve.ts";
import { passOver, type SeriesPass } from "./series_pass.ts";
import { SeriesSieve } from "./series_sieve.ts";
import { type SearchedTier, type SeriesSpan, spanOf } from "./series_span.ts";
import { seriesMatcher } from "./series_text.ts";

/** Which series are looked for. */
export interface SeriesQuestion {
  /** A part of the name, or of a label such as `line=4`; see {@link seriesMatcher}. */
  readonly text: string;
  /** Labels that the series have, among others. */
  readonly labels: Readonly<Record<string, string>>;
  /** Length of windows, ms; undefined: of every length. */
  readonly lengthMs: number | undefined;
  readonly limit: number;
  /** Only series after this one, in the order of {@link FoundSeries}; undefined: from the first one on. */
  readonly after: string | undefined;
}

export interface ListedSeries extends FoundInTiers, SeriesSpan {}

export interface SeriesPage {
  /** In the order of their names. */
  readonly series: readonly ListedSeries[];
  /**
   * Where only silent series are found, those that one of them may be renamed to; where none is found, those
   * with a similar name. Of the first page; see {@link likeliest}.
   */
  readonly near: readonly ListedSeries[];
  /** How many more of them there are. */
  readonly nearLeftOff: number;
  readonly tiers: readonly SearchedTier[];
  /** The end of this page, for the next one; undefined: it is the last one. */
  readonly next: string | undefined;
}

const NEAR_MAX = 8;
/** Candidates for them. */
const CANDIDATES_MAX = 400;

/**
 * The series of the open windows and of the newest closed ones, with their newest aggregates. In steps, for
 * which the state must be one consistent view.
 *
 * @throws {StateError} @throws {QuestionError}
 */
export function* searchSeries(
  state: StateDatabase,
  question: SeriesQuestion,
): Generator<undefined, SeriesPage> {
  const { lengthMs, limit, after } = question;
  assertTier(state, lengthMs);
  const sought = soughtBy(question);
  const lengthsMs = windowLengths(state).filter((length) => length === (lengthMs ?? length));
  const found = new FoundSeries(limit, after);
  const tiers = yield* passOver(state, lengthsMs, finding(found, sought));
  const listed = (series: FoundInTiers) => ({ ...series, ...spanOf(series, tiers) });
  const page = found.page();
  const series = page.series.map(listed);
  // Where something is found that has not fallen silent, nobody looks for another name.
  const isMissed = after === undefined && series.every(({ silentSinceMs }) => silentSinceMs !== undefined);
  const likely = isMissed ? yield* renamed(state, lengthsMs, question, series, listed) : [];
  return {
    series,
    near: likely.slice(0, NEAR_MAX),
    nearLeftOff: Math.max(0, likely.length - NEAR_MAX),
    tiers,
    next: page.next,
  };
}

/** What is looked for. */
interface Sought {
  readonly isSought: (series: Pick<SeriesName, "name" | "labels">) => boolean;
  /** Tells most of the others by their bytes. */
  readonly sieve: Pick<SeriesSieve, "excludes">;
}

function soughtBy({ labels: wanted, text }: SeriesQuestion): Sought {
  const matches = seriesMatcher(text);
  return {
    isSought: ({ labels, name }) => matches(name, labels) && hasLabels(labels, wanted),
    sieve: new SeriesSieve(text, wanted),
  };
}

/** What may be the new names of series that are missed, the likeliest first. @param series Those found. */
function* renamed(
  state: StateDatabase,
  lengthsMs: readonly number[],
  question: SeriesQuestion,
  series: readonly ListedSeries[],
  listed: (series: FoundInTiers) => ListedSeries,
): Generator<undefined, ListedSeries[]> {
  const sought = soughtBy(question);
  const names = yield* namesNear(state, lengthsMs, question.text, sought);
  const ended = new Set(series.flatMap(({ labels }) => labels ?? []));
  if (names.size === 0 && ended.size === 0) return [];
  const others = new FoundSeries(CANDIDATES_MAX, undefined);
  const isNear = (other: Pick<SeriesName, "name" | "labels">) =>
    (names.has(other.name) || ended.has(other.labels ?? "")) && !sought.isSought(other);
  yield* passOver(
    state,
    lengthsMs,
    finding(others, { isSought: isNear, sieve: new PartSieve(names, ended) }),
  );
  return likeliest(others.page().series.map(listed), series, [...names]);
}

/**
 * Those of the candidates that are offered, the likeliest first. Where series were found that have fallen
 * silent: what has begun at about the time that one of them stopped, first those with all of its labels.
 * Where nothing was found, nobody knows when it stopped: near names alone, since somebody may have mistyped
 * it.
 *
 * @param ended What was found. @param names The near names, the nearest first.
 */
function likeliest(
  candidates: readonly ListedSeries[],
  ended: readonly ListedSeries[],
  names: readonly string[],
): ListedSeries[] {
  const rankOf = (one: ListedSeries) => {
    if (ended.length === 0) return 1;
    const before = ended.filter((other) => isSuccessor(one, other));
    if (before.some(({ labels }) => labels !== undefined && labels === one.labels)) return 2;
    return before.length > 0 && names.includes(one.name) ? 1 : 0;
  };
  return candidates.map((one) => ({ one, rank: rankOf(one) })).filter(({ rank }) => rank > 0).sort((a, b) =>
    b.rank - a.rank || names.indexOf(a.one.name) - names.indexOf(b.one.name)
  ).map(({ one }) => one);
}

/** Whether a series has begun when another one stopped. */
function isSuccessor({ beganMs }: ListedSeries, { silentSinceMs, tiers }: ListedSeries): boolean {
  return beganMs !== undefined && silentSinceMs !== undefined &&
    isAfterStop(beganMs, silentSinceMs, Math.min(...tiers.keys()));
}

/** The names that are near what is looked for, and not among what is found. */
function* namesNear(
  state: StateDatabase,
  lengthsMs: readonly number[],
  text: string,
  { isSought, sieve }: Sought,
): Generator<undefined, ReadonlySet<string>> {
  const near = new NearNames(text);
  if (near.isVain) return near.nearest;
  const take = (keys: KeyColumn, row: number, isNew: () => boolean) => {
    if (!sieve.excludes(keys, row) && isSought(seriesOf(keys.text(row)))) return false;
    near.add(keys, row, isNew);
    return true;
  };
  yield* passOver(state, lengthsMs, {
    excludes: (keys, row) => !near.isNear(keys, row),
    closed: ({ isNew, row, segment }) => take(segment.keys, row, isNew),
    open: ({ keys }, row) => void take(keys, row, () => true),
  });
  return near.nearest;
}

/** A pass that finds what is sought. */
function finding(found: FoundSeries, { isSought, sieve }: Sought): SeriesPass {
  return {
    excludes: (keys, row) => found.excludes(keys, row) || sieve.excludes(keys, row),
    closed: ({ lengthMs, readable, row, segment }) => {
      const series = segment.series(row);
      if (!isSought(series)) return false;
      found.add({ ...series, aggFunc: functionName(segment.functionId[row]!) }, lengthMs, readable());
      return true;
    },
    open: ({ functionId, keys, lengthMs }, row) => {
      const series = seriesOf(keys.text(row));
      if (!isSought(series)) return;
      found.add({ ...series, aggFunc: functionName(functionId[row]!) }, lengthMs, undefined);
    },
  };
}
