import type { Clock } from "./clock.ts";

/**
 * How a loop shows that it is alive. Before each thing it does or waits for, it says what that is and how long it takes at
 * most; a loop that is silent for longer is stuck, whatever the rest of the process does. A known cause of waiting (a bus or
 * sink that is away, a full outbox) is announced like all else, so it never counts as being stuck.
 */
export class Pulse {
  private what = "";
  private dueMs = Infinity;

  constructor(private readonly clock: Pick<Clock, "monotonicMs">) {}

  /** From now on the loop does `what`, and is heard of again within `withinMs`. */
  expect(what: string, withinMs: number): void {
    this.what = what;
    this.dueMs = this.clock.monotonicMs() + withinMs;
  }

  /** The loop has ended: nothing is to be heard of it any more. */
  end(): void {
    this.dueMs = Infinity;
  }

  /** What the loop hangs in; undefined: it is on time. `graceMs` allows for a busy machine. */
  overdue(graceMs: number): string | undefined {
    return this.clock.monotonicMs() > this.dueMs + graceMs ? this.what : undefined;
  }
}
