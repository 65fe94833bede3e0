/**
 * Work that is done in steps, so that whatever else waits for the event loop gets a turn between two of them.
 * A step tells how many bytes the work holds by then, or is about to take.
 */
export type Steps<T> = Generator<number, T>;

/** How long steps may follow each other before whatever waits gets its turn, ms. */
const TURN_MS = 5;
/** Times that the runtime looks at its sockets until a request that has come is answered. */
const LOOKS_A_REQUEST = 3;

/** Does all of the work in one go. */
export function atOnce<T>(steps: Generator<unknown, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/**
 * Resolves once whatever waits for the event loop had a turn. It takes a timer, and with it a millisecond:
 * while `setImmediate` or messages follow each other, the runtime never looks at its sockets.
 */
export function giveWay(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/**
 * Gives way for as long as a request takes. It is for steps of more than a few milliseconds: a request would
 * otherwise wait for several of them.
 */
export async function giveWayToRequests(): Promise<void> {
  for (let look = 0; look < LOOKS_A_REQUEST; look++) await giveWay();
}

/**
 * Does the work, and gives way every few milliseconds.
 *
 * @param nowMs A clock that never jumps.
 * @throws The signal's reason, when it fires.
 */
export async function inTurns<T>(
  steps: Generator<unknown, T>,
  signal: AbortSignal,
  nowMs: () => number = () => performance.now(),
): Promise<T> {
  try {
    for (let turnMs = nowMs();;) {
      const step = steps.next();
      if (step.done) return step.value;
      if (nowMs() - turnMs < TURN_MS) continue;
      await giveWay();
      signal.throwIfAborted();
      turnMs = nowMs();
    }
  } finally {
    steps.return(undefined as T);
  }
}
