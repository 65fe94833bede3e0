import {
  AVG,
  COUNT,
  FIRST,
  functionName,
  isPercentile,
  LAST,
  MAX,
  MIN,
  perMillionOf,
  STDDEV,
  SUM,
} from "../event/agg_function.ts";
import type { QuantileSketch } from "./quantile_sketch.ts";

/**
 * What is kept of the events of one series in one window. `x` and `y` mean, by function:
 *
 * | function | x | y |
 * |---|---|---|
 * | sum, avg | sum | compensation (Neumaier 1974) |
 * | min, max | extreme | - |
 * | first, last | value | event time, Unix ms |
 * | stddev | mean | sum of squared differences from the mean (Welford 1962) |
 * | pNN | least value | greatest value |
 * | count | - | - |
 */
export interface Accumulator {
  readonly functionId: number;
  readonly x: number;
  readonly y: number;
  readonly count: number;
  /** pNN only. */
  readonly sketch: QuantileSketch | undefined;
}

/** The aggregate's value. Not finite when the sum has overflowed. */
export function valueOf(accumulator: Accumulator): number {
  const { functionId, x, y, count, sketch } = accumulator;
  switch (functionId) {
    case SUM:
      return x + y;
    case AVG:
      return (x + y) / count;
    case COUNT:
      return count;
    case MIN:
    case MAX:
    case FIRST:
    case LAST:
      return x;
    case STDDEV:
      // One reading has no spread to estimate; 0 says "no spread seen" and keeps its row.
      return count < 2 ? 0 : Math.sqrt(y / (count - 1));
    default:
      return Math.min(Math.max(sketch!.quantile(perMillionOf(functionId)), x), y);
  }
}

/**
 * Joins what came in time (`earlier`) with what came late (`later`) for the same series and window. Ties of
 * `first` and `last` go by arrival. The result may have the sketch of `earlier`, which is changed then.
 */
export function merge(earlier: Accumulator, later: Accumulator): Accumulator {
  const { functionId } = earlier;
  const count = earlier.count + later.count;
  const joined = { functionId, count, sketch: undefined };
  switch (functionId) {
    case SUM:
    case AVG: {
      const x = earlier.x + later.x;
      const lost = Math.abs(earlier.x) >= Math.abs(later.x)
        ? (earlier.x - x) + later.x
        : (later.x - x) + earlier.x;
      return { ...joined, x, y: earlier.y + later.y + lost };
    }
    case MIN:
      return { ...joined, x: Math.min(earlier.x, later.x), y: 0 };
    case MAX:
      return { ...joined, x: Math.max(earlier.x, later.x), y: 0 };
    case FIRST:
      return later.y < earlier.y ? { ...later, count } : { ...earlier, count };
    case LAST:
      return later.y >= earlier.y ? { ...later, count } : { ...earlier, count };
    case STDDEV: {
      // Chan, Golub, LeVeque 1979: the pairwise form of Welford's update.
      const delta = later.x - earlier.x;
      return {
        ...joined,
        x: earlier.x + delta * (later.count / count),
        y: earlier.y + later.y + delta * delta * (earlier.count * later.count / count),
      };
    }
    case COUNT:
      return { ...joined, x: 0, y: 0 };
    default: {
      if (!isPercentile(functionId)) throw new Error(`no function ${functionName(functionId)}`);
      const sketch = earlier.sketch!;
      sketch.merge(later.sketch!);
      return { ...joined, x: Math.min(earlier.x, later.x), y: Math.max(earlier.y, later.y), sketch };
    }
  }
}
