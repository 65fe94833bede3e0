import type { EventAggregator } from "../../aggregation/event_aggregator.ts";
import { ProvenTime } from "../../platform/clock/proven_time.ts";

export interface HorizonOptions {
  readonly correctionHorizonMs: number;
  /** Length of the longest windows that are opened now. */
  readonly longestWindowMs: number;
}

/**
 * How long a reading of the wall clock must hold before windows are deleted by it, unless the horizon is
 * shorter. Windows that were deleted because a clock was ahead could not be corrected any more.
 */
const CLOCK_TRIAL_MAX_MS = 3_600_000;

/** The time up to which windows are final, by event time and by a wall clock that is not trusted at once. */
export class CorrectionHorizon {
  private time = ProvenTime.begin(Infinity);

  constructor(private readonly aggregator: EventAggregator, private options: HorizonOptions) {}

  change(options: HorizonOptions): void {
    this.options = options;
  }

  /**
   * The proven time at a checkpoint that is not yet committed.
   *
   * @param elapsedMs Time since the last one.
   */
  timeAt(nowMs: number, elapsedMs: number): ProvenTime {
    return this.time.after(nowMs, elapsedMs, this.trialMs());
  }

  committed(time: ProvenTime): void {
    this.time = time;
  }

  /**
   * Windows that end at this time or before can no longer be corrected: no event for them would be accepted,
   * even if the clock turns out to be ahead. Unix ms.
   */
  finalBeforeMs({ provenMs }: ProvenTime): number {
    const { watermark } = this.aggregator;
    const reachedMs = Math.min(watermark.leastGreatestMs(), provenMs);
    // The last event time of a window is one millisecond before its end.
    return Math.min(watermark.valueMs, reachedMs - this.options.correctionHorizonMs + 1);
  }

  /**
   * Restores the proven time. Only the wall clock, which is on trial, knows the time between two processes.
   * So that time counts for half of a trial at most.
   */
  restore(entries: ReadonlyMap<string, number>, nowMs: number): void {
    const candidateMs = entries.get("time_on_trial_ms");
    if (candidateMs === undefined) {
      this.time = ProvenTime.begin(nowMs);
      return;
    }
    const betweenMs = Math.max(0, nowMs - (entries.get("checkpoint_at_ms") ?? nowMs));
    this.time = ProvenTime.restore({
      provenMs: entries.get("proven_time_ms") ?? -Infinity,
      candidateMs,
      ageMs: entries.get("time_trial_age_ms") ?? 0,
    }).after(nowMs, Math.min(betweenMs, this.trialMs() / 2), this.trialMs());
  }

  /**
   * Length of a trial. Unless the maximum is shorter, a window that closes when the trial begins is beyond
   * the horizon when it ends.
   */
  private trialMs(): number {
    const { correctionHorizonMs, longestWindowMs } = this.options;
    if (correctionHorizonMs === 0) return 0;
    const { allowedLatenessMs } = this.aggregator.options;
    return Math.min(CLOCK_TRIAL_MAX_MS, correctionHorizonMs + longestWindowMs + allowedLatenessMs);
  }
}

/** The entries of the books about time. */
export function timeEntries({ provenMs, candidateMs, ageMs }: ProvenTime): Record<string, number> {
  return { proven_time_ms: provenMs, time_on_trial_ms: candidateMs, time_trial_age_ms: Math.round(ageMs) };
}
