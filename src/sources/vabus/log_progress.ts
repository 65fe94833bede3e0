import type { Progress } from "../../contract/source.ts";

/** Progress in an event log, with the position as an offset. */
export interface LogProgress extends Progress {
  /** Undefined: the oldest event. */
  readonly offset: number | undefined;
}

/**
 * Progress with its position as an offset; undefined: the position is not one, since it is from another kind
 * of source.
 */
export function located(progress: Progress): LogProgress | undefined {
  const { position } = progress;
  if (position === undefined) return { ...progress, offset: undefined };
  const offset = /^\d{1,16}$/.test(position) ? Number(position) : NaN;
  return Number.isSafeInteger(offset) ? { ...progress, offset } : undefined;
}
