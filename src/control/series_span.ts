import type { FoundInTiers, SeriesInTier } from "./found_series.ts";

/** What was searched of a tier. Times are Unix ms; undefined: there is no closed window. */
export interface SearchedTier {
  readonly lengthMs: number;
  /** Closed windows are searched from this start on. */
  readonly sinceMs: number | undefined;
  /**
   * The start of the oldest of the searched windows that follow each other up to the newest one: windows that
   * only late events have are apart from them.
   */
  readonly runSinceMs: number | undefined;
  /** The end of the newest closed window, of whatever series. */
  readonly newestEndMs: number | undefined;
}

/** Whether a series has begun or ended within the searched windows. Times are Unix ms. */
export interface SeriesSpan {
  /** The end of its last window, where others have gone on without it; undefined: it is not silent. */
  readonly silentSinceMs: number | undefined;
  /** The start of its first window, where others were there before; undefined: it may be older. */
  readonly beganMs: number | undefined;
  /** The same, where that is not long ago; undefined: it is not new. */
  readonly newSinceMs: number | undefined;
}

/** A span that is not known, since no window has closed. */
const UNKNOWN: SeriesSpan = { silentSinceMs: undefined, beganMs: undefined, newSinceMs: undefined };
/** Windows without a series before it is called silent, and those before it that make it new. */
export const WINDOWS_WITHOUT = 3;
/** Then it is not new any more. */
const NEW_MS = 3_600_000;

/** The span of a series, by its shortest windows. */
export function spanOf({ tiers }: FoundInTiers, searched: readonly SearchedTier[]): SeriesSpan {
  const tier = searched.filter(({ lengthMs }) => tiers.has(lengthMs))
    .reduce<SearchedTier | undefined>(
      (a, b) => a === undefined || b.lengthMs < a.lengthMs ? b : a,
      undefined,
    );
  return tier === undefined ? UNKNOWN : spanIn(tier, tiers.get(tier.lengthMs)!);
}

/** As {@link spanOf}, of a series in a tier. */
export function spanIn(
  { lengthMs, newestEndMs, runSinceMs }: SearchedTier,
  { firstMs, isOpen, newest }: Pick<SeriesInTier, "firstMs" | "isOpen" | "newest">,
): SeriesSpan {
  if (newestEndMs === undefined || runSinceMs === undefined) return UNKNOWN;
  const withoutMs = WINDOWS_WITHOUT * lengthMs;
  const lastMs = newest?.windowEndMs;
  const foundMs = firstMs ?? newestEndMs;
  const beganMs = foundMs - runSinceMs >= withoutMs ? foundMs : undefined;
  return {
    silentSinceMs: !isOpen && lastMs !== undefined && newestEndMs - lastMs >= withoutMs ? lastMs : undefined,
    beganMs,
    newSinceMs: beganMs !== undefined && newestEndMs - beganMs <= NEW_MS ? beganMs : undefined,
  };
}
