import assert from "node:assert/strict";
import type { MappingTexts } from "../../../src/codec/mapping/event_mapping.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import type { RecordFormat } from "../../../src/sources/listen/decoder.ts";
import { FormatReaders } from "../../../src/sources/listen/format_readers.ts";
import { contentOf } from "../../codec/mapping/read.ts";

/** The names of the events in lines, and what is wrong with others. */
function read(format: RecordFormat, texts: MappingTexts, lines: readonly string[]) {
  const batch = new EventBatch();
  batch.reset(new TextEncoder().encode(lines.join("\n")));
  const readRecord = new FormatReaders(texts).for(format, batch);
  let at = 0;
  for (const line of lines) {
    readRecord(at, at + line.length, { arrivedMs: 5000 });
    at += line.length + 1;
  }
  assert.equal(batch.total, lines.length);
  const { events, invalid } = contentOf(batch);
  return [events.map(({ name }) => name), invalid.map(({ detail }) => detail)];
}

Deno.test("records are read by the settings, simple ones and others", () => {
  const texts = { name: "{/n}", value: "/v", timestamp: "bus" };
  const lines = ['{"n":"a","v":1}', '{"n":"\\u0062","v":1}', '{"n":"c","v":"one"}', '{"n":"d","v":"4"}'];
  assert.deepEqual(read("json", texts, lines), [["a", "b", "d"], ['the value at /v "one" is no number']]);
});

Deno.test("events are read as they are, whatever the settings say of records", () => {
  const event = (name: string) => `{"name":"${name}","value":1,"timestamp":5}`;
  for (const texts of [{}, { name: "{/n}", value: "/v", timestamp: "bus" }]) {
    assert.deepEqual(read("event", texts, [event("a"), event("\\u0062"), "{}"]), [["a", "b"], ["no name"]]);
  }
});

Deno.test("lines of line protocol are read with and without settings", () => {
  assert.deepEqual(read("influx", {}, ["m f=1 5", "m,a=b f=1,g=2 5"])[1], []);
  assert.equal(read("influx", {}, ["m f=1 5", "m,a=b f=x 5"])[1]!.length, 1);
});
