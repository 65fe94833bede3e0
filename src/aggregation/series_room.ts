import type { CurrentWindow } from "./current_windows.ts";
import type { OpenWindows } from "./open_windows.ts";
import type { Tier } from "./tier.ts";

/**
 * Whether `MAX_SERIES` has room for series in the windows that take an event.
 *
 * @param series Those that may not be open yet; -1: not known.
 */
export function hasRoomFor(
  windows: OpenWindows,
  taking: readonly CurrentWindow[],
  series: readonly number[],
  maxSeries: number,
): boolean {
  let missing = 0;
  for (const one of series) {
    let counted: Tier | undefined;
    for (const { tier } of taking) {
      if (tier !== counted && !windows.isInUse(one, tier.lengthMs)) missing++;
      counted = tier;
    }
  }
  return missing === 0 || windows.seriesCount + missing <= maxSeries;
}
