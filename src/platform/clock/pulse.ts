import type { Clock } from "./clock.ts";

/**
 * How a loop shows that it is alive. Before each step it says what it does or waits for, and how long that
 * takes at most. A loop that is silent for longer is stuck, whatever the rest of the process does. A known
 * cause of waiting (a bus or sink that is away, a full outbox) is announced like any other step, so it never
 * counts as being stuck.
 */
export class Pulse {
  private what = "";
  private dueMs = Infinity;

  constructor(private readonly clock: Pick<Clock, "monotonicMs">) {}

  /** The loop begins to do `what` and will call again within `withinMs`. */
  expect(what: string, withinMs: number): void {
    this.what = what;
    this.dueMs = this.clock.monotonicMs() + withinMs;
  }

  /** The loop has ended and will not call again. */
  end(): void {
    this.dueMs = Infinity;
  }

  /** The step that the loop hangs in; undefined: it is on time. `graceMs` is added for a busy machine. */
  overdue(graceMs: number): string | undefined {
    return this.clock.monotonicMs() > this.dueMs + graceMs ? this.what : undefined;
  }
}
