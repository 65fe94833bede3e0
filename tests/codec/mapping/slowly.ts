import {
  compileMapping,
  type EventMapping,
  type MappingTexts,
} from "../../../src/codec/mapping/event_mapping.ts";
import type { Reading, RecordContext } from "../../../src/codec/mapping/reading.ts";
import { RecordEvents } from "../../../src/codec/mapping/record_events.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { ARRIVED_MS, contentOf, type ReadRecord } from "./read.ts";

/** What the readings of a text alone make of a record, without a fast path. */
export function slowly(
  readings: (text: string, mapping: EventMapping, context: RecordContext) => Iterable<Reading>,
  text: string,
  texts: MappingTexts,
): ReadRecord {
  const compiled = compileMapping(texts);
  if (!("ok" in compiled) || compiled.ok === undefined) throw new Error("no mapping");
  const batch = new EventBatch();
  const bytes = new TextEncoder().encode(text);
  batch.reset(bytes);
  const events = new RecordEvents();
  events.begin(batch, batch.total++, 0, bytes.length);
  for (const reading of readings(text, compiled.ok, { arrivedMs: ARRIVED_MS })) {
    if (!events.take(reading)) break;
  }
  events.finish();
  return contentOf(batch);
}
