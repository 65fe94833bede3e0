import type { Place } from "../../contract/source.ts";

/** A place in a log, and the offset that it stands for. */
export interface LogPlace extends Place {
  /** Undefined: the oldest event. */
  readonly offset: number | undefined;
}

export function located(place: Place): LogPlace {
  return { ...place, offset: place.position === undefined ? undefined : Number(place.position) };
}
