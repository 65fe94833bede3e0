import assert from "node:assert/strict";
import {
  type BusRecord,
  type BusRecordReader,
  lengthProblem,
  readRecords,
} from "../../src/codec/bus_records.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import { UpstreamTraces } from "../../src/event/upstream_traces.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const event = (name: string) => `{"name":"${name}","value":1,"timestamp":1}`;

function recordOf(text: string, more: Partial<BusRecord> = {}): BusRecord {
  return { arrivedMs: 0, bytes: bytesOf(text), problem: undefined, ...more };
}

function rangesOf(batch: EventBatch): [position: number, raw: string][] {
  return Array.from(
    { length: batch.count },
    (_, i) => [batch.position[i]!, Buffer.from(batch.rawOf(i)).toString()],
  );
}

Deno.test("records of a bus are events, one each, and the others are invalid with what is wrong", () => {
  const [a, b, c] = [event("a"), event("\\u0062"), ` ${event("c")} `] as const;
  const records = [
    recordOf(a),
    recordOf("hot"),
    recordOf(""),
    recordOf(b),
    recordOf(a, { problem: "too long" }),
    recordOf(c),
  ];
  const batch = new EventBatch();
  readRecords(records, batch, undefined);
  assert.equal(batch.total, 6);
  assert.deepEqual(rangesOf(batch), [[0, a], [3, b], [5, c]]);
  assert.deepEqual(
    batch.invalid.map((
      invalid,
    ) => [invalid.index, invalid.detail, Buffer.from(batch.rawOfInvalid(invalid)).toString()]),
    [[1, "not JSON", "hot"], [2, "not JSON", ""], [4, "too long", a]],
  );
  assert.equal(
    Buffer.from(batch.bytes).toString(),
    records.map(({ bytes }) => `${Buffer.from(bytes)}\n`).join(""),
  );
});

Deno.test("what follows an event in its record makes it invalid, though not the next record", () => {
  const batch = new EventBatch();
  readRecords(
    [recordOf(`${event("a")}x`), recordOf(event("b")), recordOf(`${event("c")} {}`)],
    batch,
    undefined,
  );
  assert.deepEqual(rangesOf(batch).map(([position]) => position), [1]);
  assert.deepEqual(batch.invalid.map(({ index }) => index), [0, 2]);
});

Deno.test("records that are mapped are given to their reader, each with what the bus tells of it", () => {
  const seen: unknown[] = [];
  const reader: BusRecordReader = {
    begin: (batch) => batch.isMapped = true,
    readPlain: (_batch, start, { topic }) => {
      seen.push(["plain", start, topic]);
      return topic === "plain" ? start + 3 : -1;
    },
    read: (batch, start, end, { topic }) => {
      seen.push(["read", start, end, topic]);
      batch.total++;
    },
  };
  const batch = new EventBatch();
  const records = [
    recordOf("one", { topic: "plain" }),
    recordOf("seven", { topic: "plain" }),
    recordOf("two", { topic: "t" }),
  ];
  readRecords(
    [...records, recordOf("bad", { problem: "p" }), recordOf("six", { topic: "plain" })],
    batch,
    reader,
  );
  assert.deepEqual(seen, [
    ["plain", 0, "plain"],
    ["plain", 4, "plain"],
    ["read", 4, 9, "plain"],
    ["plain", 10, "t"],
    ["read", 10, 13, "t"],
    ["plain", 18, "plain"],
  ]);
  assert.equal(batch.isMapped, true, "the reader has begun with the batch");
  assert.deepEqual(batch.invalid, [{ index: 3, detail: "p", rawStart: 14, rawEnd: 17 }]);
  assert.equal(batch.total, 5);
});

Deno.test("what a bus tells of a record is known by its position", () => {
  const origin = { offset: 7, topic: "t", separator: ".", key: "k", busMs: 9 };
  const batch = new EventBatch();
  readRecords([recordOf(event("a")), recordOf(event("b"), origin)], batch, undefined);
  assert.deepEqual(batch.originOf!(1), origin);
  assert.deepEqual(batch.originOf!(0).offset, undefined);
});

Deno.test("the traces of records are noted where somebody asks for them", () => {
  const batch = new EventBatch();
  const records = [
    recordOf(event("a"), { traceparent: "t1" }),
    recordOf("x"),
    recordOf("y", { traceparent: "t2" }),
  ];
  readRecords(records, batch, undefined);
  assert.equal(batch.upstream, undefined);
  batch.upstream = new UpstreamTraces();
  readRecords(records, batch, undefined);
  assert.deepEqual(batch.upstream.texts(), ["t1", "t2"]);
});

Deno.test("a record may have 1 MiB", () => {
  assert.deepEqual([lengthProblem(0), lengthProblem(1_048_576)], [undefined, undefined]);
  assert.equal(lengthProblem(1_048_577), "a record of 1048577 bytes, of which 1048576 are allowed");
});
