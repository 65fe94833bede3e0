import assert from "node:assert/strict";
import { faultsOfOwnFormats } from "../../../src/codec/mapping/own_format_faults.ts";
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

Deno.test("a batch knows that its records are mapped, and the unit of their times, by the first of them", () => {
  const reader = new OwnFormats({ name: "{/tag}", timeUnit: "ms" });
  for (const [text, unit] of [['{"tag":"a"}', 1e3], ["m v=1", 1e9]] as const) {
    const batch = new EventBatch();
    batch.reset(new TextEncoder().encode(text));
    reader.begin(batch);
    assert.deepEqual([batch.isMapped, batch.unitsPerSecond], [true, unit], text);
  }
});

Deno.test("a text is at fault where none of the formats has a use for it", () => {
  const of = (texts: Parameters<typeof faultsOfOwnFormats>[0]) =>
    faultsOfOwnFormats(texts).map(({ setting, problem }) => `${setting} ${problem}`);
  assert.deepEqual(of({}), []);
  assert.deepEqual(of({ name: "{/a}.{path}", value: "/v", timestamp: "/t" }), [], "for JSON");
  assert.deepEqual(of({ name: "{measurement}" }), [], "for line protocol");
  const faults = of({ name: "{/a", value: "v", timeUnit: "min", labels: "a:{tag:b}" });
  assert.deepEqual(faults.map((fault) => fault.split(" ")[0]), ["name", "value"]);
});
