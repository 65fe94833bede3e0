import { inTurns } from "../platform/clock/steps.ts";
import { StateDatabase } from "../state/file/state_database.ts";

/** Queries at once. Each has a view of its own, so that none waits for a sink that another one asks. */
const AT_ONCE_MAX = 2;
/** Queries that wait for their turn. */
const WAITING_MAX = 16;

/** No query takes longer. */
const ANSWER_MAX_MS = 30_000;

/** Too many queries are on their way, or one took too long. The message is for who asks. */
export class BusyError extends Error {
  override readonly name = "BusyError";
}

/** The state of a running handler, for those who look at it: in short turns, and a few at a time. */
export class StateViews {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly stateDir: string) {}

  /**
   * Does some work in its turn. The signal that it gets fires when it takes too long.
   *
   * @throws {BusyError}
   */
  async inOrder<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.running >= AT_ONCE_MAX) {
      if (this.waiting.length >= WAITING_MAX) {
        throw new BusyError("too many queries are being answered: ask again in a second");
      }
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    } else this.running++;
    const deadline = AbortSignal.timeout(ANSWER_MAX_MS);
    try {
      return await work(deadline);
    } catch (error) {
      if (!deadline.aborted) throw error;
      throw new BusyError(`there was no answer within ${ANSWER_MAX_MS / 1000} s: ask for less at once`);
    } finally {
      // Who waits takes over the turn.
      const next = this.waiting.shift();
      if (next === undefined) this.running--;
      else next();
    }
  }

  /**
   * The result of steps over one consistent view of the state.
   *
   * @throws {StateError} @throws The signal's reason, when it fires.
   */
  async read<T>(steps: (state: StateDatabase) => Generator<unknown, T>, signal: AbortSignal): Promise<T> {
    const view = StateDatabase.view(this.stateDir);
    try {
      return await inTurns(steps(view), signal);
    } finally {
      view.close();
    }
  }
}
