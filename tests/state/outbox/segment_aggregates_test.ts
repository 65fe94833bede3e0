import assert from "node:assert/strict";
import { SegmentAggregates } from "../../../src/state/outbox/segment_aggregates.ts";
import { readSegment } from "../../../src/state/outbox/archive.ts";
import { Segment, SegmentBuilder } from "../../../src/state/outbox/segment.ts";
import { ColumnWriter } from "../../../src/state/checkpoint/columns.ts";
import { orderOf } from "../../../src/sinks/order_of.ts";
import fc from "../../support/fast_check.ts";
import { Inside, inTemporaryDirectory } from "../inside.ts";

Deno.test("aggregates are made of the rows of several segments, anew each time, until they are released", () =>
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory);
    for (const [timestamp, names] of [[1, "ab"], [2, "c"]] as const) {
      inside.take([...names].map((name) => ({ name, value: timestamp, timestamp })));
      inside.save(true);
    }
    const [first, second] = [0, 2].map((id) => readSegment(inside.state, id));
    const aggregates = new SegmentAggregates();
    aggregates.begin(first!, 1000, 2000);
    aggregates.add(1);
    aggregates.begin(second!, 2000, 3000);
    aggregates.add(0);
    const last = { aggFunc: "sum", name: "c", value: 2, windowStartMs: 2000, windowEndMs: 3000 };
    const made = aggregates.at(1);
    assert.deepEqual(made, { ...last, count: 1, revision: 0 });
    assert.notEqual(made, aggregates.at(1));
    assert.deepEqual([...aggregates], [aggregates.at(0), made]);
    assert.deepEqual([aggregates.length, aggregates.at(2)], [2, undefined]);
    const memory = first!.hash.buffer;
    assert.ok(memory.byteLength > 0);
    aggregates.release();
    assert.equal(memory.byteLength, 0);
    assert.equal(aggregates.at(0), undefined);
    inside.state.close();
  }));

const row = fc.record({
  key: fc.tuple(
    fc.constantFrom("a", "ab", "b", "plant.line", "plant.line1", "€", "😀", "\uffff"),
    fc.constantFrom("", "", '\0{"site":"north"}', '\0{"site":"south"}'),
  ).map((parts) => parts.join("")),
  functionId: fc.constantFrom(0, 1, 2, 3),
  revision: fc.nat({ max: 2 }),
  isWanted: fc.boolean(),
});
/** A window and the rows of a segment of it. */
const part = fc.record({
  window: fc.constantFrom([0, 1000], [0, 2000], [1000, 2000]),
  rows: fc.array(row, { minLength: 1, maxLength: 40 }),
});

Deno.test("the order of the rows of segments is the one that comparing the aggregates gives", () =>
  fc.assert(
    fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
      const aggregates = new SegmentAggregates();
      for (const { window: [startMs, endMs], rows } of parts) {
        aggregates.begin(segmentOf(rows), startMs!, endMs!);
        for (const [i, { isWanted }] of rows.entries()) if (isWanted) aggregates.add(i);
      }
      assert.deepEqual(aggregates.order(), orderOf([...aggregates]));
    }),
  ));

function segmentOf(rows: readonly { key: string; functionId: number; revision: number }[]): Segment {
  const builder = new SegmentBuilder();
  for (const [i, { key, functionId, revision }] of rows.entries()) {
    const names = new TextEncoder().encode(key);
    builder.add(
      { functionId, x: i, y: 0, count: 1, sketch: undefined },
      {
        ...{ hash: 0, names, nameStart: 0, nameLength: names.length, revision },
        ...{ previousCount: 0, sinks: 1, newSinks: 1 },
      },
    );
  }
  return new Segment(builder.finish(new ColumnWriter()).slice());
}
