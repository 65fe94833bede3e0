import { createHash } from "node:crypto";
import type { EventBatch } from "../event/event_batch.ts";
import { seriesKey } from "../event/labels.ts";
import { hashBytes } from "../event/text_hash.ts";
import type { CheckedEvent } from "./event_check.ts";

/**
 * Bytes of an id that is kept as it is. Longer ids are remembered by their SHA-256, so that the memory for
 * ids stays bounded.
 */
export const ID_MAX_BYTES = 256;

/**
 * Adds a checked event to a batch that has room for it.
 *
 * @param start Start of its record, as the columns hold it.
 */
export function appendEvent(
  batch: EventBatch,
  event: CheckedEvent,
  position: number,
  start: number,
  end: number,
): void {
  const i = batch.count++;
  const name = batch.appendExtra(seriesKey(event.name, event.labels));
  batch.position[i] = position;
  batch.rawStart[i] = start;
  batch.rawEnd[i] = end;
  batch.nameStart[i] = name.start;
  batch.nameLength[i] = name.length;
  batch.nameHash[i] = hashBytes(batch.extra, ~name.start, name.length);
  batch.functionId[i] = event.functionId;
  batch.value[i] = event.value;
  batch.timeMs[i] = event.timeMs;
  if (event.id === undefined) batch.idLength[i] = 0;
  else setId(batch, i, event.id);
}

function setId(batch: EventBatch, i: number, id: string): void {
  // A UTF-16 code unit takes three bytes at most, so only a text longer than a third of the bound can exceed
  // it.
  const bounded = id.length * 3 > ID_MAX_BYTES && Buffer.byteLength(id) > ID_MAX_BYTES
    ? createHash("sha256").update(id).digest("hex")
    : id;
  const { start, length } = batch.appendExtra(bounded);
  batch.idStart[i] = start;
  batch.idLength[i] = length;
  batch.idHash[i] = hashBytes(batch.extra, ~start, length);
}
