import { functionName } from "../event/agg_function.ts";
import { hasLabels, seriesOf } from "../event/labels.ts";
import { openSeriesSteps } from "../state/checkpoint/open_series.ts";
import type { StateDatabase } from "../state/file/state_database.ts";
import { readSegment } from "../state/outbox/archive.ts";
import { newestWindows, segmentsOf, windowLengths } from "../state/outbox/archive_windows.ts";
import type { Segment } from "../state/outbox/segment.ts";
import { toAggregate } from "../state/outbox/segment_reader.ts";
import type { WindowKey } from "../state/outbox/expected_rows.ts";
import type { RegisteredSink } from "../state/outbox/registered_sink.ts";
import { fateOf } from "../state/outbox/stay.ts";
import { SinkRegistry } from "../state/outbox/sink_registry.ts";
import { type FoundInTiers, FoundSeries } from "./found_series.ts";
import { assertTier } from "./known_tiers.ts";
import { NearNames } from "./near_names.ts";
import { namesOf } from "./passing_aggregates.ts";
import { seriesMatcher } from "./series_text.ts";
import { type SearchedTier, type SeriesSpan, spanIn, spanOf, WINDOWS_WITHOUT } from "./series_span.ts";

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
  /** Series that may be a renamed one that is looked for; of the first page. See {@link likeliest}. */
  readonly near: readonly ListedSeries[];
  /** How many more of them there are. */
  readonly nearLeftOff: number;
  readonly tiers: readonly SearchedTier[];
  /** The end of this page, for the next one; undefined: it is the last one. */
  readonly next: string | undefined;
}

/**
 * Segments that are read for one question, over all tiers: half a second at most. With up to 4,096 series
 * these are as many windows; with 100,000 series they are ten.
 */
const SEGMENTS_MAX = 256;
const NEAR_MAX = 8;
/** Candidates for them. */
const CANDIDATES_MAX = 400;

/** What one search is about. */
interface Sought {
  readonly isSought: (name: string, labels: string | undefined) => boolean;
  readonly lengthsMs: readonly number[];
  readonly found: FoundSeries;
  readonly near: NearNames;
}

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
  const { text, labels, lengthMs, limit, after } = question;
  assertTier(state, lengthMs);
  const matches = seriesMatcher(text);
  const isSought = (name: string, own: string | undefined) => matches(name, own) && hasLabels(own, labels);
  const lengthsMs = windowLengths(state).filter((length) => length === (lengthMs ?? length));
  const found = new FoundSeries(limit, after);
  const near = new NearNames(after === undefined ? text : "");
  const tiers = yield* search(state, { isSought, lengthsMs, found, near });
  const listed = (series: FoundInTiers) => ({ ...series, ...spanOf(series, tiers) });
  const page = found.page();
  const series = page.series.map(listed);
  // Where something is found that has not fallen silent, nobody looks for another name.
  const names = series.every(({ silentSinceMs }) => silentSinceMs !== undefined)
    ? near.nearest
    : new Set<string>();
  const ended = after === undefined && series.every(({ silentSinceMs }) => silentSinceMs !== undefined)
    ? new Set(series.flatMap(({ labels }) => labels ?? []))
    : new Set<string>();
  const others = new FoundSeries(CANDIDATES_MAX, undefined);
  if (names.size > 0 || ended.size > 0) {
    const isNear = (name: string, own: string | undefined) =>
      (names.has(name) || ended.has(own ?? "")) && !isSought(name, own);
    yield* search(state, { isSought: isNear, lengthsMs, found: others, near: new NearNames("") });
  }
  const likely = likeliest(others.page().series.map(listed), series.length > 0, names, ended);
  return {
    series,
    near: likely.slice(0, NEAR_MAX),
    nearLeftOff: Math.max(0, likely.length - NEAR_MAX),
    tiers,
    next: page.next,
  };
}

/**
 * Series that may be a renamed one, the likeliest first: new ones with all labels of one that has fallen
 * silent, whatever they are called; new ones with a near name; where nothing was found, other near names too,
 * since somebody may have mistyped it.
 */
function likeliest(
  candidates: readonly ListedSeries[],
  isFound: boolean,
  names: ReadonlySet<string>,
  ended: ReadonlySet<string>,
): ListedSeries[] {
  const rankOf = ({ labels, name, newSinceMs }: ListedSeries) =>
    newSinceMs === undefined ? (isFound || !names.has(name) ? 0 : 1) : ended.has(labels ?? "") ? 3 : 2;
  const order = [...names];
  return candidates.filter((one) => rankOf(one) > 0).sort((a, b) =>
    Number(rankOf(b) === 3) - Number(rankOf(a) === 3) || order.indexOf(a.name) - order.indexOf(b.name)
  );
}

function* search(state: StateDatabase, sought: Sought): Generator<undefined, SearchedTier[]> {
  const { found, isSought, lengthsMs, near } = sought;
  const tiers: SearchedTier[] = [];
  for (const length of lengthsMs) {
    tiers.push(yield* searchClosed(state, length, SEGMENTS_MAX / lengthsMs.length, sought));
  }
  yield* openSeriesSteps(state, lengthsMs, ({ lengthMs: length, key, functionId }) => {
    const series = { ...seriesOf(key), aggFunc: functionName(functionId) };
    if (isSought(series.name, series.labels)) found.add(series, length, undefined);
    else near.offer(series, () => true);
  });
  return tiers;
}

/** Searches the newest closed windows of a tier. */
function* searchClosed(
  state: StateDatabase,
  lengthMs: number,
  segmentsMax: number,
  { found, isSought, near }: Sought,
): Generator<undefined, SearchedTier> {
  const { sinks } = SinkRegistry.read(state);
  /** The first window of each series, by its mark; NaN: nobody asks for it. */
  const firstMs = new Map<number, number>();
  let left = segmentsMax;
  let searched: SearchedTier = {
    lengthMs,
    sinceMs: undefined,
    runSinceMs: undefined,
    newestEndMs: undefined,
  };
  for (const window of newestWindows(state, lengthMs, Math.ceil(segmentsMax))) {
    const { segments, startMs } = window;
    if (searched.sinceMs !== undefined && segments > left) break;
    left -= segments;
    searched = withWindow(searched, window);
    for (const firstId of segmentsOf(state, window)) {
      const segment = readSegment(state, firstId);
      for (let row = 0; row < segment.rowCount; row++) {
        const mark = segment.mark(row);
        const known = firstMs.get(mark);
        // A newer window has the series, or nobody asks for it: most rows are skipped here.
        if (known !== undefined && known !== startMs) {
          if (startMs < known) firstMs.set(mark, startMs);
          continue;
        }
        const series = { ...segment.series(row), aggFunc: functionName(segment.functionId[row]!) };
        const isFound = isSought(series.name, series.labels);
        if (isFound) {
          found.add(
            series,
            lengthMs,
            readable(segment, firstId, row, window, sinks, () => firstMs.get(mark)!),
          );
        }
        const isNew = () =>
          spanIn(searched, { firstMs: firstMs.get(mark), isOpen: true, newest: undefined })
            .newSinceMs !== undefined;
        firstMs.set(mark, isFound || near.offer(series, isNew) ? startMs : NaN);
      }
      yield;
    }
  }
  return searched;
}

function withWindow(
  { lengthMs, newestEndMs, runSinceMs, sinceMs }: SearchedTier,
  { endMs, startMs }: WindowKey,
): SearchedTier {
  const isOfRun = sinceMs === undefined || runSinceMs === undefined ||
    (runSinceMs === sinceMs && sinceMs - startMs <= WINDOWS_WITHOUT * lengthMs);
  return {
    lengthMs,
    sinceMs: startMs,
    runSinceMs: isOfRun ? startMs : runSinceMs,
    newestEndMs: newestEndMs ?? endMs,
  };
}

function readable(
  segment: Segment,
  firstId: number,
  row: number,
  { endMs, startMs }: WindowKey,
  sinks: readonly RegisteredSink[],
  firstMs: () => number,
) {
  return {
    startMs,
    revision: segment.revision[row]!,
    read: () => toAggregate(segment, row, startMs, endMs),
    sinks: () => namesOf(sinks, segment.sinks[row]!),
    waitingFor: () =>
      sinks.filter((sink) => fateOf(sink, firstId + row, segment.sinks[row]!) === "waiting").map(({ id }) =>
        id
      ),
    firstMs,
  };
}
