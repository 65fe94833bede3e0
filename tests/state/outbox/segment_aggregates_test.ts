import assert from "node:assert/strict";
import { SegmentAggregates } from "../../../src/state/outbox/segment_aggregates.ts";
import { readSegment } from "../../../src/state/outbox/archive.ts";
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
