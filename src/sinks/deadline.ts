import { SinkError } from "../contract/sink.ts";

/**
 * Runs `start` for `limitMs` at most, and until the signal fires; `what` names it in the error.
 *
 * A client library that waits for a frozen server cannot be stopped, only abandoned. The caller must close
 * its connections when this throws; the abandoned work then fails unnoticed.
 *
 * @throws {SinkError} `timed_out` when the time is up, `unavailable` when the signal fires; else whatever
 * `start` throws.
 */
export async function withDeadline<T>(
  what: string,
  limitMs: number,
  signal: AbortSignal,
  start: () => Promise<T>,
): Promise<T> {
  const { promise: cutOff, reject } = Promise.withResolvers<never>();
  const interrupt = () => reject(new SinkError("unavailable", `${what} was interrupted.`));
  const expire = () =>
    reject(new SinkError("timed_out", `${what} got no answer within ${limitMs / 1000} seconds.`));
  if (signal.aborted) interrupt();
  signal.addEventListener("abort", interrupt, { once: true });
  const timer = setTimeout(expire, limitMs);
  try {
    return await Promise.race([cutOff, signal.aborted ? cutOff : start()]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", interrupt);
  }
}
