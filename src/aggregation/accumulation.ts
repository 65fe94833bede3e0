import { AVG, COUNT as COUNT_FUNCTION, FIRST, LAST, MAX, MIN, STDDEV, SUM } from "../event/agg_function.ts";
import { COUNT, type OpenWindows, PAGE_SHIFT, SLOT, X, Y } from "./open_windows.ts";

/**
 * Adds an event to the accumulator at a slot of open windows. `functionId` is the function of the slot's
 * series.
 *
 * @param eventMs Event time, Unix ms.
 */
export function accumulate(
  windows: OpenWindows,
  slot: number,
  functionId: number,
  value: number,
  eventMs: number,
): void {
  const { accumulators, pageTouched } = windows;
  const row = slot * SLOT;
  const events = accumulators[row + COUNT]! + 1;
  accumulators[row + COUNT] = events;
  pageTouched[slot >> PAGE_SHIFT] = 1;
  switch (functionId) {
    case SUM:
    case AVG: {
      const before = accumulators[row + X]!;
      const sum = before + value;
      accumulators[row + Y]! += Math.abs(before) >= Math.abs(value)
        ? (before - sum) + value
        : (value - sum) + before;
      accumulators[row + X] = sum;
      break;
    }
    case MIN:
      if (value < accumulators[row + X]!) accumulators[row + X] = value;
      break;
    case MAX:
      if (value > accumulators[row + X]!) accumulators[row + X] = value;
      break;
    case COUNT_FUNCTION:
      break;
    case FIRST:
      if (eventMs < accumulators[row + Y]!) {
        accumulators[row + X] = value;
        accumulators[row + Y] = eventMs;
      }
      break;
    case LAST:
      if (eventMs >= accumulators[row + Y]!) {
        accumulators[row + X] = value;
        accumulators[row + Y] = eventMs;
      }
      break;
    case STDDEV: {
      const delta = value - accumulators[row + X]!;
      accumulators[row + X]! += delta / events;
      accumulators[row + Y]! += delta * (value - accumulators[row + X]!);
      break;
    }
    default:
      if (value < accumulators[row + X]!) accumulators[row + X] = value;
      if (value > accumulators[row + Y]!) accumulators[row + Y] = value;
      windows.sketches.get(slot)!.add(value);
  }
}
