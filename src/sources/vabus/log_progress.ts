import type { Progress } from "../../contract/source.ts";

/** A place in a log, and the offset that it stands for. */
export interface LogProgress extends Progress {
  /** Undefined: the oldest event. */
  readonly offset: number | undefined;
}

/** Undefined: the position is no offset, as of another kind of source. */
export function located(progress: Progress): LogProgress | undefined {
  const { position } = progress;
  if (position === undefined) return { ...progress, offset: undefined };
  const offset = /^\d{1,16}$/.test(position) ? Number(position) : NaN;
  return Number.isSafeInteger(offset) ? { ...progress, offset } : undefined;
}
