const PAUSE_MS = 60_000;

/** Reports what happens again and again at most once a minute, with how often it has happened since. */
export class Rarely {
  private toldMs = -Infinity;
  private count = 0;

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  happened(tell: (count: number) => void): void {
    this.count++;
    if (this.nowMs() - this.toldMs < PAUSE_MS) return;
    this.toldMs = this.nowMs();
    const { count } = this;
    this.count = 0;
    tell(count);
  }
}
