import { seriesKey } from "../../event/labels.ts";

/** A series by its name and its labels. */
export interface NamedSeries {
  readonly name: string;
  /** Canonical, see `labels.ts`; not there: it has none. */
  readonly labels?: string;
}

/** A series that has stopped when another one began, perhaps since somebody has renamed it. */
export interface Rename {
  readonly from: NamedSeries;
  readonly to: NamedSeries;
  /** The end of the last window of the one that has stopped, Unix ms. */
  readonly stoppedMs: number;
}

/** Series that have begun or stopped with one window. Times are Unix ms. */
export interface Turn {
  readonly begun: readonly NamedSeries[];
  /** The start of the first window of those that have begun. */
  readonly beganMs: number;
  readonly stopped: readonly NamedSeries[];
  /** The end of the last window of those that have stopped. */
  readonly stoppedMs: number;
  /** The length of the windows, ms. */
  readonly lengthMs: number;
}

interface Turned {
  readonly series: NamedSeries;
  readonly atMs: number;
}

/** After that long it is no news any more. */
const KEPT_MS = 86_400_000;
/** Series that are remembered of either kind. */
const SERIES_MAX = 5000;
/** For so long a device that gets other names may be silent. */
const GAP_MS = 300_000;
/** The same in windows, where these are long. */
const GAP_WINDOWS = 3;

/**
 * Remembers which series have begun and stopped, and finds those that may be the same ones by another name or
 * with other labels: they have the same labels, or else the same name, and the one began when the other
 * stopped. Of series without labels, and of those with other labels, as many must have begun as have stopped,
 * within a window.
 */
export class Renames {
  private readonly begun = new Map<string, Turned>();
  private readonly stopped = new Map<string, Turned>();
  private found: readonly Rename[] = [];

  note({ begun, beganMs, lengthMs, stopped, stoppedMs }: Turn): void {
    for (const known of [this.begun, this.stopped]) {
      for (const [key, { atMs }] of known) if (stoppedMs - atMs > KEPT_MS) known.delete(key);
    }
    for (const series of stopped) {
      // What has not lasted comes and goes by itself, such as a name with an id in it.
      if (!this.begun.delete(keyOf(series))) remember(this.stopped, series, stoppedMs);
    }
    for (const series of begun) {
      // It was away for a while, or has got another function.
      if (!this.stopped.delete(keyOf(series))) remember(this.begun, series, beganMs);
    }
    const renamed = this.pairs(
      ({ labels = "" }) => labels,
      ({ labels }) => labels === undefined,
      lengthMs,
      [],
    );
    const relabelled = this.pairs(({ name }) => name, () => true, lengthMs, renamed);
    this.found = [...renamed, ...relabelled].sort((a, b) => b.stoppedMs - a.stoppedMs);
  }

  /** The newest ones first. @param nowMs Wall clock, Unix ms. */
  all(nowMs: number): readonly Rename[] {
    return this.found.filter(({ stoppedMs }) => nowMs - stoppedMs <= KEPT_MS);
  }

  /**
   * @param shared What both have in common.
   * @param isCommon Whether many others have that in common as well, so that as many must begin as stop.
   * @param known Pairs whose series are in no other one.
   */
  private pairs(
    shared: (series: NamedSeries) => string,
    isCommon: (series: NamedSeries) => boolean,
    lengthMs: number,
    known: readonly Rename[],
  ): Rename[] {
    const taken = new Set(known.flatMap(({ from, to }) => [from, to]));
    const groups = (all: ReadonlyMap<string, Turned>) =>
      Map.groupBy(sorted(all).filter(({ series }) => !taken.has(series)), ({ series }) => shared(series));
    const candidates = groups(this.begun);
    return [...groups(this.stopped)].flatMap(([text, ended]) =>
      pairs(ended, candidates.get(text) ?? [], isCommon(ended[0]!.series), lengthMs)
    );
  }
}

/**
 * Whether a series has begun at about the time at which another one has stopped. The window in which one
 * stops may be that in which the other begins, and a device that gets other names may be silent for a while.
 * Times are Unix ms.
 *
 * @param beganMs The start of the first window of the series that has begun.
 * @param stoppedMs The end of the last window of the one that has stopped.
 * @param gapMs For so long there may be neither; left out: five minutes, or three windows if longer.
 */
export function isAfterStop(beganMs: number, stoppedMs: number, lengthMs: number, gapMs?: number): boolean {
  const longestMs = gapMs ?? Math.max(GAP_MS, GAP_WINDOWS * lengthMs);
  return beganMs >= stoppedMs - lengthMs && beganMs <= stoppedMs + longestMs;
}

/** Which of the series that have begun may be those that have stopped. All have something in common. */
function pairs(
  ended: readonly Turned[],
  candidates: readonly Turned[],
  isCommon: boolean,
  lengthMs: number,
): Rename[] {
  const gapMs = isCommon ? lengthMs : undefined;
  let free = candidates;
  return [...Map.groupBy(ended, ({ atMs }) => atMs)].flatMap(([stoppedMs, together]) => {
    const near = free.filter(({ atMs }) => isAfterStop(atMs, stoppedMs, lengthMs, gapMs));
    if (isCommon && near.length !== together.length) return [];
    const taken = near.slice(0, together.length);
    free = free.filter((one) => !taken.includes(one));
    return taken.map(({ series: to }, i) => ({ from: together[i]!.series, to, stoppedMs }));
  });
}

function remember(known: Map<string, Turned>, series: NamedSeries, atMs: number): void {
  if (known.size < SERIES_MAX) known.set(keyOf(series), { series, atMs });
}

/** In the order of names and labels: a plant that is renamed keeps the rest of them. */
function sorted(known: ReadonlyMap<string, Turned>): Turned[] {
  return [...known.values()].sort((a, b) => keyOf(a.series) < keyOf(b.series) ? -1 : 1);
}

function keyOf({ labels, name }: NamedSeries): string {
  return seriesKey(name, labels);
}
