import assert from "node:assert/strict";
import { readerFor } from "../../../src/codec/mapping/record_reader.ts";
import { scanReply } from "../../../src/codec/reply_scanner.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { ARRIVED_MS, contentOf } from "./read.ts";

/** What the elements of a reply become as records of a format. */
function readAll(format: string, elements: readonly string[]) {
  const batch = new EventBatch();
  const head = `"log":"L","offset":0,"next":${elements.length}`;
  const body = new TextEncoder().encode(`{${head},"events":[${elements.join(" , ")}]}`);
  const reader = readerFor({ format, ...(format === "value" ? { name: "n" } : {}) })!;
  scanReply(body, batch, elements.length, { reader, context: { arrivedMs: ARRIVED_MS } });
  const { events, invalid } = contentOf(batch);
  return { total: batch.total, values: events.map(({ value }) => value), invalid };
}

Deno.test("an element of another format is a text in quotes, or a number with its own digits", () => {
  assert.deepEqual(readAll("value", ["5", '"7"', '"\\u0038"', "-1.5e1"]), {
    total: 4,
    values: [5, 7, 8, -15],
    invalid: [],
  });
});

Deno.test("an element that is neither is refused alone, and those around it are read", () => {
  for (const format of ["value", "influx", "csv"]) {
    const good = { value: '"1"', influx: '"m v=1 5"', csv: '"name,value,timestamp\\na,1,5"' }[format]!;
    const others = ["true", "null", "[1]", '{"a":1}', "nonsense", '"open\\q"'];
    const detail = `not a text in quotes, as a record of the format ${format} is`;
    assert.deepEqual(readAll(format, [good, ...others, good]), {
      total: 8,
      values: [1, 1],
      invalid: others.map((raw) => ({ detail, raw })),
    });
  }
});
