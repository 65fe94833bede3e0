import { compareIds } from "./entry_id.ts";
import type { StreamPosition } from "./stream_position.ts";
import type { Look } from "./stream_reader.ts";

/**
 * How many entries behind the position were gone before they were read; undefined: that shows only at the end
 * of the stream. Less than 0: the stream has lost entries that were read.
 */
export function missingIn(position: StreamPosition, { entries, info, isWhole }: Look): number | undefined {
  const { added, length, oldest } = info;
  if (isWhole) return added - position.added - entries.length;
  // Nothing is left of what was read, so all that it has is behind the position.
  if (oldest !== undefined && compareIds(oldest.id, position.id) > 0) return added - position.added - length;
  return undefined;
}

/** Whether the stream contradicts what was read of it. */
export function contradicts(position: StreamPosition, look: Look): boolean {
  const { info: { added, lastId, oldest } } = look;
  const known = position.oldest;
  return added < position.added || compareIds(lastId, position.id) < 0 ||
    (missingIn(position, look) ?? 0) < 0 ||
    (oldest !== undefined && known !== undefined &&
      (compareIds(oldest.id, known.id) < 0 || (oldest.id === known.id && oldest.hash !== known.hash)));
}
