import assert from "node:assert/strict";
import fc from "../../support/fast_check.ts";
import { readerFor } from "../../../src/codec/mapping/record_reader.ts";
import { EventScanner } from "../../../src/codec/event_scanner.ts";
import { JsonBytes } from "../../../src/codec/json_bytes.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { cutLines, readEventLines, readLines } from "../../../src/sources/file/record_cutter.ts";
import { contentOf } from "../../codec/mapping/read.ts";

/** What two lines become, the second of which is not simple. */
function read(lines: readonly [string, string], reader: NonNullable<ReturnType<typeof readerFor>>) {
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
  assert.deepEqual(read(['{"n":"a","v":1,"t":5000}', '{"n":"\\u0062","v":1,"t":6000}'], reader!), {
    starts: [0, 25],
    events: [["a", 5000], ["b", 6000]],
    isMapped: true,
    unitsPerSecond: 1000,
  });
});

Deno.test("a byte order mark before a line is no part of it, whatever the line is", () => {
  const event = '{"name":"a","value":1,"timestamp":5}';
  const lines = [`\ufeff${event}`, event, `\ufeff${event}\r`, "\ufeff"];
  const bytes = new TextEncoder().encode(lines.join("\n"));
  const batch = new EventBatch();
  assert.deepEqual(readEventLines(bytes, 9, true, batch).starts, [3, 40, 80]);
  assert.equal(contentOf(batch).events.length, 3);
  for (const isMapped of [false, true]) {
    const { bounds } = cutLines(bytes, 9, true);
    const reader = readerFor(
      isMapped
        ? { name: "{/name}x", value: "/value", timestamp: "/timestamp" }
        : { format: "json", name: "{/name}x" },
    );
    const { starts } = readLines(bytes, bounds, batch, reader!, 7, undefined);
    assert.deepEqual(starts, [3, 40, 80]);
    assert.deepEqual(contentOf(batch).events.map(({ name }) => name), ["ax", "ax", "ax"]);
  }
});

const NAMES = ["a", "b.c", "\\u0062", ""];

/** A line that may be an event, in a row of others or alone, and whatever may stand in its place. */
const anyLine = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ name: fc.constantFrom(...NAMES), value: fc.integer(), timestamp: fc.nat() })
      .map((event) => JSON.stringify(event)),
  },
  fc.constantFrom(
    `{"name":"l","value":1,"timestamp":2,"labels":{"a":"b"}}`,
    `{"name":"a","value":1,"timestamp":2},`,
    `{"name":"a","value":1,"timestamp":2}{"name":"b","value":1,"timestamp":2}`,
    `{"name":"a","value":1,"timestamp":2}\r{"name":"b","value":1,"timestamp":2}`,
    `{"name":"a"`,
    "garbage",
    "",
    " ",
    "\t",
  ),
);
const anyText = fc.array(
  fc.tuple(
    fc.constantFrom("", "", "", " ", "\t", "\r"),
    anyLine,
    fc.constantFrom("", "", "", "\r", " ", "\t\r"),
  ),
  { maxLength: 12 },
).map((lines) => lines.map((parts) => parts.join("")).join("\n"));

/** Line after line, as the lines of a mapping are read. */
function oneByOne(bytes: Uint8Array, limit: number, isLast: boolean) {
  const { bounds, taken } = cutLines(bytes, limit, isLast);
  const events: unknown[] = [];
  const starts: number[] = [];
  const invalid: unknown[] = [];
  for (let i = 0; i < bounds.length; i += 2) {
    const one = new EventBatch();
    const line = bytes.slice(bounds[i], bounds[i + 1]);
    one.reset(line);
    one.reserve();
    new EventScanner(new JsonBytes(line), one).scanAny(0, line.length);
    const position = starts.length;
    starts.push(bounds[i]!);
    events.push(
      ...contentOf(one).events.map((event) => ({ ...event, position, start: bounds[i]! + one.rawStart[0]! })),
    );
    invalid.push(...one.invalid.map(({ detail }) => ({ detail, position })));
  }
  return { taken, starts, events, invalid };
}

Deno.test("property: lines that are events are read as each of them alone would be", () =>
  fc.assert(
    fc.property(anyText, fc.integer({ min: 1, max: 14 }), fc.boolean(), (text, limit, isLast) => {
      const bytes = new TextEncoder().encode(text);
      const batch = new EventBatch();
      const { starts, taken } = readEventLines(bytes, limit, isLast, batch);
      const events = contentOf(batch).events.map((event, i) => ({
        ...event,
        position: batch.position[i],
        start: batch.rawStart[i],
      }));
      const invalid = batch.invalid.map(({ detail, index }) => ({ detail, position: index }));
      assert.deepEqual({ taken, starts, events, invalid }, oneByOne(bytes, limit, isLast));
      assert.equal(batch.total, starts.length);
    }),
    { numRuns: 500 },
  ));

Deno.test("lines that are events have seconds, and many of them are read in pieces", () => {
  const event = (i: number) => `{"name":"a","value":${i},"timestamp":5}`;
  const text = Array.from({ length: 5000 }, (_, i) => event(i)).join("\n");
  const batch = new EventBatch();
  const { starts, taken } = readEventLines(new TextEncoder().encode(text), 4000, false, batch);
  assert.deepEqual([starts.length, batch.total, batch.count, text.slice(taken, taken + 36)], [
    4000,
    4000,
    4000,
    event(4000).slice(0, 36),
  ]);
  assert.deepEqual([batch.timeMs[3999], batch.isMapped, batch.unitsPerSecond], [5000, false, 1]);
});
