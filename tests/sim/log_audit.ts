const MINUTE_MS = 60_000;
/**
 * Lines with the same text in a minute at most: one when it is new, and one each for what was held back where
 * a minute of the log ends, where the handler is told to stop, and where it has stopped.
 */
const LINES_A_MINUTE = 4;
const NUMBER = /\d+(\.\d+)?/g;
const FOLDED = / times=#/;
const DEBUG = /^\S+ DEBUG /;

/**
 * Checks that one start of the handler does not log the same line too often. Lines that differ only in
 * numbers are the same.
 */
export class LogAudit {
  /** The times of each line within the last minute, simulated ms, the oldest first. */
  private readonly told = new Map<string, number[]>();

  constructor(private readonly nowMs: () => number) {}

  /** What is wrong with the line; undefined: nothing. */
  repetition(text: string): string | undefined {
    if (DEBUG.test(text)) return undefined;
    const cause = text.replace(NUMBER, "#").replace(FOLDED, "");
    const nowMs = this.nowMs();
    const times = (this.told.get(cause) ?? []).filter((atMs) => nowMs - atMs < MINUTE_MS);
    times.push(nowMs);
    this.told.set(cause, times);
    return times.length > LINES_A_MINUTE
      ? `the log says ${times.length} times in a minute: ${text}`
      : undefined;
  }
}
