import assert from "node:assert/strict";
import { readerFor } from "../../../src/codec/mapping/record_reader.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { readLines } from "../../../src/sources/file/record_cutter.ts";
import { contentOf } from "../../codec/mapping/read.ts";

/** What two lines become, the second of which is not simple. */
function read(lines: readonly [string, string], reader: ReturnType<typeof readerFor>) {
  const batch = new EventBatch();
  const [first, second] = lines.map(({ length }) => length) as [number, number];
  const bounds = [0, first, first + 1, first + 1 + second];
  const { starts } = readLines(
    new TextEncoder().encode(lines.join("\n")),
    bounds,
    batch,
    reader,
    7,
    undefined,
  );
  const events = contentOf(batch).events.map(({ name, timeMs }) => [name, timeMs]);
  return { starts, events, isMapped: batch.isMapped, unitsPerSecond: batch.unitsPerSecond };
}

Deno.test("a batch of mapped lines tells that they are, and the unit of their times", () => {
  const reader = readerFor({ name: "{/n}", value: "/v", timestamp: "/t", timeUnit: "ms" });
  assert.deepEqual(read(['{"n":"a","v":1,"t":5000}', '{"n":"\\u0062","v":1,"t":6000}'], reader), {
    starts: [0, 25],
    events: [["a", 5000], ["b", 6000]],
    isMapped: true,
    unitsPerSecond: 1000,
  });
});

Deno.test("lines that are events have seconds", () => {
  const event = (name: string) => `{"name":"${name}","value":1,"timestamp":5}`;
  assert.deepEqual(read([event("a"), event("\\u0062")], undefined), {
    starts: [0, event("a").length + 1],
    events: [["a", 5000], ["b", 5000]],
    isMapped: false,
    unitsPerSecond: 1,
  });
});
