import { setImmediate } from "node:timers";

/** The lifetime of a process. Its timers and waits end with it. */
export class Lifetime {
  isOver = false;
}

interface Appointment {
  readonly atMs: number;
  readonly sequence: number;
  readonly lifetime: Lifetime | undefined;
  readonly work: () => void;
}

/**
 * Simulated time. Every wait is an appointment here. When all parts wait, the next appointment comes at once.
 * So the order of all events follows from the seed alone.
 */
export class Scheduler {
  /** Milliseconds since the beginning of the simulation; never goes back. */
  nowMs = 0;
  /** Appointments kept so far. */
  steps = 0;
  /** Sorted: the next one last. */
  private readonly agenda: Appointment[] = [];
  private sequence = 0;

  /** Makes an appointment, which lapses with the lifetime; returns a way to call it off. */
  after(delayMs: number, work: () => void, lifetime?: Lifetime): () => void {
    const appointment = { atMs: this.nowMs + delayMs, sequence: this.sequence++, lifetime, work };
    let at = this.agenda.length;
    while (at > 0 && this.agenda[at - 1]!.atMs <= appointment.atMs) at--;
    this.agenda.splice(at, 0, appointment);
    return () => {
      const found = this.agenda.indexOf(appointment);
      if (found >= 0) this.agenda.splice(found, 1);
    };
  }

  /** Time that passes while the process is blocked, such as during a write to disk. */
  pass(durationMs: number): void {
    this.nowMs += durationMs;
  }

  /** Runs the appointments until `isOver`, which is called between two of them, returns true. */
  async run(isOver: () => boolean): Promise<void> {
    for (;;) {
      await allWait();
      if (isOver()) return;
      const next = this.agenda.pop();
      if (next === undefined) throw new Error("everybody waits and nothing is going to happen");
      if (next.lifetime?.isOver) continue;
      this.nowMs = Math.max(this.nowMs, next.atMs);
      this.steps++;
      next.work();
    }
  }
}

/** Resolves when no promise is ready any more: a macrotask runs only then. */
function allWait(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The promise that a dead process waits for. */
export function never<T>(): Promise<T> {
  return new Promise(() => {});
}
