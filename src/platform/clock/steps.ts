/**
 * Work that is done in steps, so that whatever else waits for the event loop gets a turn between two of them.
 * A step tells how many bytes the work holds by then, or is about to take.
 */
export type Steps<T> = Generator<number, T>;

/** Does all of the work in one go. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** Resolves once whatever waits for the event loop had a turn. */
export function giveWay(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
