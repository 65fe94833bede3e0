import { isAt } from "./byte_cache.ts";
import type { KnownSeries } from "./known_series.ts";

/** The fields of a measurement with its tags: the series of each. */
export class KnownHead {
  readonly names: Uint8Array[] = [];
  readonly series: KnownSeries[] = [];

  /** @param expected Where a field most likely is: they come in the same order. */
  find(bytes: Uint8Array, start: number, length: number, expected: number): KnownSeries | undefined {
    const { names } = this;
    const { length: count } = names;
    for (let i = 0; i < count; i++) {
      const at = (expected + i) % count;
      if (isAt(names[at]!, bytes, start, length)) return this.series[at];
    }
    return undefined;
  }
}
