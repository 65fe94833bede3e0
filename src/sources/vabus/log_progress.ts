import type { Progress } from "../../contract/source.ts";

/** A place in a log, and the offset that it stands for. */
export interface LogProgress extends Progress {
  /** Undefined: the oldest event. */
  readonly offset: number | undefined;
}

export function located(progress: Progress): LogProgress {
  return { ...progress, offset: progress.position === undefined ? undefined : Number(progress.position) };
}
