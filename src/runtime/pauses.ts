import { isOf, type Pausable, type Pause } from "../state/pauses.ts";

/** What is paused in a running handler. Those who read and deliver ask before each step. */
export class Pauses {
  /** @param changed Called after each change, with the part. */
  constructor(private current: readonly Pause[], private readonly changed: (part: Pausable) => void) {}

  /** All pauses, the oldest first. */
  get all(): readonly Pause[] {
    return this.current;
  }

  has(part: Pausable): boolean {
    return this.current.some((pause) => isOf(pause, part));
  }

  /** Puts the pauses in force that the state has. @param part The one that has changed. */
  replace(pauses: readonly Pause[], part: Pausable): void {
    this.current = pauses;
    this.changed(part);
  }
}
