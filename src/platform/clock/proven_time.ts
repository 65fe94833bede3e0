/** What is kept of it. Unix ms, but for the age. */
export interface ProvenTimeRecord {
  readonly provenMs: number;
  readonly candidateMs: number;
  readonly ageMs: number;
}

/**
 * Which time the wall clock has surely reached. A clock that is days ahead until somebody sets it right looks like any other, so a
 * reading counts only once the clock has not gone behind it for a trial. What cannot be undone goes by such readings. Immutable.
 */
export class ProvenTime implements ProvenTimeRecord {
  private constructor(
    /** The clock has stood the trial at this reading; -Infinity before the first trial. */
    readonly provenMs: number,
    /** The reading that is on trial. */
    readonly candidateMs: number,
    /** How long the trial has gone on, by a clock that does not jump. */
    readonly ageMs: number,
  ) {}

  /** Nothing is known but what the clock says. */
  static begin(nowMs: number): ProvenTime {
    return new ProvenTime(-Infinity, nowMs, 0);
  }

  static restore({ provenMs, candidateMs, ageMs }: ProvenTimeRecord): ProvenTime {
    return new ProvenTime(provenMs, candidateMs, ageMs);
  }

  /**
   * @param nowMs Wall clock, Unix ms.
   * @param elapsedMs What has passed since the last call, by a clock that does not jump.
   * @param trialMs 0: every reading counts at once.
   */
  after(nowMs: number, elapsedMs: number, trialMs: number): ProvenTime {
    if (trialMs === 0) return new ProvenTime(nowMs, nowMs, 0);
    if (nowMs < this.candidateMs) return new ProvenTime(Math.min(this.provenMs, nowMs), nowMs, 0);
    const ageMs = this.ageMs + elapsedMs;
    return ageMs < trialMs
      ? new ProvenTime(this.provenMs, this.candidateMs, ageMs)
      : new ProvenTime(this.candidateMs, nowMs, 0);
  }
}
