import type { AlarmFigures } from "./alarm_figures.ts";

/** A figure; undefined: it was not known then. */
type Figure = (figures: AlarmFigures) => number | undefined;

/** How figures have changed up to now. Undefined where there are too few to compare. */
export interface Lookback {
  /** How much a counter has grown within that time. */
  increase(windowMs: number, counter: Figure): number | undefined;
  /** How long ago a counter has grown last, ms; of those times at which it was looked at. */
  quietMs(windowMs: number, counter: Figure): number | undefined;
  /** How much a figure grows in a second: the line that fits the figures of that time best. */
  slope(windowMs: number, figure: Figure): number | undefined;
}

/** A trend needs figures over this share of its time: a fit to those of some seconds says nothing. */
const TREND_SHARE = 1 / 6;

/** The figures of the last hour. */
export class RecentFigures {
  /** The oldest first. */
  private kept: AlarmFigures[] = [];

  /** @param keepMs How far rules look back. */
  constructor(private readonly keepMs: number) {}

  keep(figures: AlarmFigures): void {
    // Where the clock was set back, what was measured before it cannot be compared any more.
    this.kept = this.kept.filter(({ atMs }) => atMs < figures.atMs && atMs >= figures.atMs - this.keepMs);
    this.kept.push(figures);
  }

  /** Looks back from some figures that need not be kept. */
  before(now: AlarmFigures): Lookback {
    const within = (windowMs: number, figure: Figure): [atMs: number, value: number][] =>
      [...this.kept.filter(({ atMs }) => atMs < now.atMs), now].flatMap((figures) => {
        const value = figures.atMs < now.atMs - windowMs ? undefined : figure(figures);
        return value === undefined ? [] : [[figures.atMs, value]];
      });
    return {
      increase: (windowMs, counter) => {
        const points = within(windowMs, counter);
        return points.length < 2 ? undefined : points.at(-1)![1] - points[0]![1];
      },
      quietMs: (windowMs, counter) => {
        const points = within(windowMs, counter);
        const grown = points.findLast(([, value], i) => i > 0 && value > points[i - 1]![1]);
        return grown && now.atMs - grown[0];
      },
      slope: (windowMs, figure) => {
        const points = within(windowMs, figure);
        const spanMs = now.atMs - (points[0]?.[0] ?? now.atMs);
        return spanMs < windowMs * TREND_SHARE ? undefined : slopeOf(points);
      },
    };
  }
}

/** By least squares, in units a second. */
function slopeOf(points: readonly (readonly [atMs: number, value: number])[]): number {
  const mean = (of: 0 | 1) => points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const [middleMs, middle] = [mean(0), mean(1)];
  let [product, square] = [0, 0];
  for (const [atMs, value] of points) {
    product += (atMs - middleMs) * (value - middle);
    square += (atMs - middleMs) ** 2;
  }
  return product / square * 1000;
}
