/** How often it is noted that the process gets on. Ms. */
const BEAT_MS = 250;
/** A process that gets on as late as this has stood still, and what came meanwhile is taken so long after. */
const [STALL_MIN_MS, BACKLOG_MAX_MS] = [1000, 2000];

/**
 * Notices when the process stood still, as a host that is suspended does, or behind a disk that hung. What
 * came in that time waited in the system, and seems to come afterwards.
 */
export class Stalls {
  private beatMs: number;
  private last: { readonly fromMs: number; readonly untilMs: number } | undefined;
  private readonly timer = setInterval(() => this.beat(), BEAT_MS);

  /** @param nowMs Wall clock, Unix ms. */
  constructor(private readonly nowMs: () => number) {
    this.beatMs = nowMs();
  }

  /** Since when a request may have waited that seems to come now. Wall clock, Unix ms. */
  waitingSince(arrivedMs: number): number {
    this.beat();
    const { last } = this;
    const hasWaited = last !== undefined && arrivedMs >= last.fromMs &&
      arrivedMs < last.untilMs + BACKLOG_MAX_MS;
    return hasWaited ? last.fromMs : arrivedMs;
  }

  close(): void {
    clearInterval(this.timer);
  }

  private beat(): void {
    const nowMs = this.nowMs();
    if (nowMs - this.beatMs >= STALL_MIN_MS) this.last = { fromMs: this.beatMs, untilMs: nowMs };
    this.beatMs = nowMs;
  }
}
