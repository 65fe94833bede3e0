import { Watermark } from "../../../src/aggregation/watermark.ts";
import { OwnClock } from "../../../src/platform/clock/own_clock.ts";
import { ClockGuard } from "../../../src/ingest/clock_guard.ts";
import { CorrectionHorizon } from "../../../src/state/checkpoint/correction_horizon.ts";
import type { BrokenVariant } from "./broken_variant.ts";
import { replace } from "./replace.ts";

/** Mistakes in the use of clocks. */
export const BROKEN_CLOCK: readonly BrokenVariant[] = [
  {
    name: "event time that lies ahead of the clock is not taken back",
    foundBy: 3,
    parts: () => replace(Watermark, "cap", () => () => false),
  },
  {
    name: "a clock that is behind is believed, whatever the bus says",
    foundBy: 3,
    parts: () => replace(ClockGuard, "holdsBack", () => () => false),
  },
  {
    name: "a clock that is behind is believed where only the state says so",
    foundBy: 25,
    parts: () => replace(OwnClock, "lowerBounds", () => () => []),
  },
  {
    name: "windows are deleted by a clock that has just jumped",
    foundBy: 27,
    parts: () => replace(CorrectionHorizon, "trialMs", () => () => 0),
  },
];
