/** As kafkajs tries again: nine seconds in all. */
const FIRST_PAUSE_MS = 10;
const PAUSE_MAX_MS = 1000;
const PAUSES_MAX = 15;

/** How long to wait before the next attempt; undefined: there were enough. @param pauses Those before. */
export function pauseMs(pauses: number): number | undefined {
  return pauses === PAUSES_MAX ? undefined : Math.min(FIRST_PAUSE_MS * 2 ** pauses, PAUSE_MAX_MS);
}
