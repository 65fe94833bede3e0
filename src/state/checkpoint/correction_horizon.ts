import type { EventAggregator } from "../../aggregation/event_aggregator.ts";
import { ProvenTime } from "../../platform/clock/proven_time.ts";

export interface HorizonOptions {
  readonly correctionHorizonMs: number;
  /** Length of the windows that are opened now. */
  readonly windowSizeMs: number;
}

/**
 * How long the wall clock has to stand by what it says before windows are deleted for it, unless the horizon is shorter: what was
 * deleted because of a clock that was ahead could not be corrected any more.
 */
const CLOCK_TRIAL_MAX_MS = 3_600_000;

/** Up to when windows can be corrected still, by event time and by a wall clock that is not believed at once. */
export class CorrectionHorizon {
  private time = ProvenTime.begin(Infinity);

  constructor(private readonly aggregator: EventAggregator, private options: HorizonOptions) {}

  change(options: HorizonOptions): void {
    this.options = options;
  }

  /** The time that is proven at a checkpoint, which is not yet committed. @param elapsedMs Since the last one. */
  timeAt(nowMs: number, elapsedMs: number): ProvenTime {
    return this.time.after(nowMs, elapsedMs, this.trialMs());
  }

  committed(time: ProvenTime): void {
    this.time = time;
  }

  /**
   * Windows that end here or before can no longer be corrected: no event for them would be accepted, not even when the clock turns
   * out to be ahead. Unix ms.
   */
  finalBeforeMs({ provenMs }: ProvenTime): number {
    const { watermark } = this.aggregator;
    const reachedMs = Math.min(watermark.leastGreatestMs(), provenMs);
    // The last event time of a window is one millisecond before its end.
    return Math.min(watermark.valueMs, reachedMs - this.options.correctionHorizonMs + 1);
  }

  /** The time between two processes is known by the wall clock alone: it counts for no more than half of a trial. */
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

  /** A window that closes at the beginning of a trial is beyond the horizon at its end. */
  private trialMs(): number {
    const { correctionHorizonMs, windowSizeMs } = this.options;
    if (correctionHorizonMs === 0) return 0;
    const { allowedLatenessMs } = this.aggregator.options;
    return Math.min(CLOCK_TRIAL_MAX_MS, correctionHorizonMs + windowSizeMs + allowedLatenessMs);
  }
}

/** What the books keep of the time, by the names of their entries. */
export function timeEntries({ provenMs, candidateMs, ageMs }: ProvenTime): Record<string, number> {
  return { proven_time_ms: provenMs, time_on_trial_ms: candidateMs, time_trial_age_ms: Math.round(ageMs) };
}
