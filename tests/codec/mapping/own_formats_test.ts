import assert from "node:assert/strict";
import { OwnFormats } from "../../../src/codec/mapping/own_formats.ts";
import type { RecordContext } from "../../../src/codec/mapping/reading.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { ARRIVED_MS, contentOf } from "./read.ts";

/** What single records become, one batch for all of them. */
function readAll(records: readonly (readonly [text: string, context?: Partial<RecordContext>])[]) {
  const reader = new OwnFormats({ name: "{/tag}", value: "/v", timestamp: "/at" });
  const batch = new EventBatch();
  return records.map(([text, context]) => {
    const bytes = new TextEncoder().encode(text);
    batch.reset(bytes);
    reader.begin(batch);
    reader.read(batch, 0, bytes.length, { arrivedMs: ARRIVED_MS, ...context });
    return contentOf(batch);
  });
}

Deno.test("a record goes by its first character: JSON by the mapping, line protocol by its own", () => {
  const [json, line] = readAll([
    ['{"tag":"a","v":1,"at":1790000000}'],
    ["press,line=1 level=2 1790000001000000000"],
  ]);
  assert.deepEqual(json!.events.map(({ name, timeMs, value }) => [name, value, timeMs]), [
    ["a", 1, 1_790_000_000_000],
  ]);
  assert.deepEqual(line!.events.map(({ value, timeMs }) => [value, timeMs]), [[2, 1_790_000_001_000]]);
});

Deno.test("what is known to be an event is one, whatever the mapping says", () => {
  const event = '{"name":"a","value":3,"timestamp":1790000002}';
  const [read] = readAll([[event, { isEvent: true }]]);
  assert.deepEqual(read!.invalid, []);
  assert.deepEqual(read!.events.map(({ name, timeMs, value }) => [name, value, timeMs]), [
    ["a", 3, 1_790_000_002_000],
  ]);
});
