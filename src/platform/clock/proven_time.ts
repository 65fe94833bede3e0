/** The proven time as it is kept. Unix ms, except the age. */
export interface ProvenTimeRecord {
  readonly provenMs: number;
  readonly candidateMs: number;
  readonly ageMs: number;
}

/**
 * The time that the wall clock has surely reached. A clock that is days ahead looks like any other until
 * somebody sets it right. So a reading counts only when the clock has not gone back behind it during a trial.
 * Steps that cannot be undone go by such readings. Immutable.
 */
export class ProvenTime implements ProvenTimeRecord {
  private constructor(
    /** The latest reading whose trial has ended well; -Infinity before the first one. */
    readonly provenMs: number,
    /** The reading that is on trial. */
    readonly candidateMs: number,
    /** How long the trial has gone on, by a clock that does not jump. */
    readonly ageMs: number,
  ) {}

  /** The beginning: nothing is known but the present reading of the clock. */
  static begin(nowMs: number): ProvenTime {
    return new ProvenTime(-Infinity, nowMs, 0);
  }

  static restore({ provenMs, candidateMs, ageMs }: ProvenTimeRecord): ProvenTime {
    return new ProvenTime(provenMs, candidateMs, ageMs);
  }

  /**
   * The proven time after another reading of the clock.
   *
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
