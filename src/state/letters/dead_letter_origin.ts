import type { RecordOrigin } from "../../event/event_batch.ts";

/** Longer keys are not kept. */
const KEY_MAX_CHARACTERS = 4096;

/**
 * As the state keeps it: the offset, or JSON where the bus tells more. A retry with the mapping in force
 * needs that too.
 */
export function originText(
  { offset, path, topic, separator, key, isEvent, busMs }: RecordOrigin,
): string | undefined {
  if (path === undefined && topic === undefined && key === undefined && busMs === undefined) {
    return offset === undefined ? undefined : `${offset}`;
  }
  const kept = key !== undefined && key.length > KEY_MAX_CHARACTERS ? undefined : key;
  return JSON.stringify({ offset, path, topic, separator, key: kept, isEvent, busMs });
}

/** What {@link originText} has made. */
export function originOf(text: string | null): RecordOrigin {
  if (text === null) return {};
  return text.startsWith("{") ? JSON.parse(text) : { offset: Number(text) };
}
