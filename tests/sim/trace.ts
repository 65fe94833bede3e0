import type { Scheduler } from "./scheduler.ts";

/** What happened, line by line, with the simulated time. */
export class Trace {
  readonly lines: string[] = [];

  /** @param isKept Whether the trace will be read. */
  constructor(private readonly scheduler: Scheduler, readonly isKept: boolean) {}

  note(who: string, what: string): void {
    if (!this.isKept) return;
    const seconds = (this.scheduler.nowMs / 1000).toFixed(3).padStart(9);
    this.lines.push(`${seconds}  ${who.padEnd(10)} ${what}`);
  }
}
