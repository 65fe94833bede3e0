/** As kafkajs tries again: nine seconds in all. */
const FIRST_PAUSE_MS = 10;
const PAUSE_MAX_MS = 1000;
const PAUSES_MAX = 15;

/** How long to wait before the next attempt; undefined: there were enough. @param pauses Those before. */
export function pauseMs(pauses: number): number | undefined {
  return pauses === PAUSES_MAX ? undefined : Math.min(FIRST_PAUSE_MS * 2 ** pauses, PAUSE_MAX_MS);
}

/**
 * Whether a broker asks to try again: it still ends the transaction before, or loads what it coordinates, or
 * another one coordinates now. A connection that fails asks for nothing: it may have been closed on purpose.
 */
export function asksToWait(error: unknown): boolean {
  const { name, retriable } = error as { name?: string; retriable?: boolean };
  return name === "KafkaJSProtocolError" && retriable === true;
}
