import assert from "node:assert/strict";
import type { Aggregate } from "../../../src/aggregation/aggregate.ts";
import { SegmentReader } from "../../../src/state/outbox/segment_reader.ts";
import { Inside, inTemporaryDirectory } from "../inside.ts";
import { rowsOf } from "../../support/rows_of.ts";

const X = 1;
const Y = 2;

/** Windows of one aggregate each, in the order of `names`. `x1` goes to X, `y1` to Y, `b1` to both. */
function withRows(names: readonly string[], work: (reader: SegmentReader, inside: Inside) => void): void {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory, {
      sinks: ["x", "y"],
      router: {
        always: undefined,
        sinksFor: (name) => name.startsWith("x") ? ["x"] : name.startsWith("y") ? ["y"] : ["x", "y"],
      },
    });
    try {
      names.forEach((name, second) => {
        inside.take([{ name, value: 1, timestamp: second }]);
        inside.save(true, { nowMs: 20_000_000 + second });
      });
      work(new SegmentReader(inside.state), inside);
    } finally {
      inside.state.close();
    }
  });
}

const named = (rows: readonly Aggregate[]) => rows.map(({ name }) => name).join(" ");

Deno.test("a batch is what is in its range for the sink, no more than is asked for", () =>
  withRows(["x0", "y1", "b2", "x3", "y4"], (reader) => {
    const run = (bit: number, from: number, end: number, max = 9) => {
      const batch = reader.run(bit, from, end, max);
      return batch && [batch.firstId, batch.nextId, batch.ids, named(rowsOf(batch))];
    };
    assert.deepEqual(run(X, 0, 5), [0, 5, [0, 2, 3], "x0 b2 x3"]);
    assert.deepEqual(run(Y, 0, 5), [0, 5, [1, 2, 4], "y1 b2 y4"]);
    assert.deepEqual(run(X, 1, 5), [1, 5, [2, 3], "b2 x3"]);
    assert.deepEqual(run(X, 0, 3), [0, 3, [0, 2], "x0 b2"]);
    assert.deepEqual(run(X, 0, 5, 2), [0, 3, [0, 2], "x0 b2"]);
    assert.deepEqual(run(X, 4, 5), [4, 5, [], ""]);
    assert.equal(run(X, 5, 5), undefined);
    assert.equal(run(X, 5, 9), undefined);
    assert.equal(reader.run(X, 0, 5, 9)?.closedMs, 20_000_000);
    assert.equal(reader.run(X, 1, 5, 9)?.closedMs, 20_000_002);
    assert.equal(reader.run(X, 4, 5, 9)?.closedMs, Infinity);
  }));

Deno.test("a batch ends where the segments that it keeps become large, and the next one goes on there", () =>
  withRows(["x0", "y1", "b2", "x3"], (_, inside) => {
    const reader = new SegmentReader(inside.state, 1);
    const nexts: unknown[] = [];
    for (let id = 0; id < 4;) {
      const batch = reader.run(X, id, 4, 9)!;
      nexts.push([batch.nextId, named(rowsOf(batch))]);
      id = batch.nextId;
    }
    assert.deepEqual(nexts, [[1, "x0"], [3, "b2"], [4, "x3"]]);
  }));

Deno.test("it is known since when something waits", () =>
  withRows(["x0", "y1", "b2"], (reader) => {
    const since = (bit: number, from: number) => reader.oldestClosedMs(bit, from);
    assert.deepEqual([0, 1, 2, 3].map((from) => since(X, from)), [
      20_000_000,
      20_000_002,
      20_000_002,
      undefined,
    ]);
    assert.equal(since(Y, 0), 20_000_001);
  }));

Deno.test("samples are spread evenly over a range", () =>
  withRows(["b0", "b1", "b2", "y3", "y4", "b5", "b6"], (reader) => {
    const samples = (bit: number, from: number, end: number, max: number) =>
      named(reader.samples(bit, from, end, max));
    assert.equal(samples(X, 0, 7, 7), "b0 b1 b2 b5 b6");
    assert.equal(samples(X, 0, 7, 99), "b0 b1 b2 b5 b6");
    assert.equal(samples(X, 0, 7, 3), "b0 b5 b6");
    assert.equal(samples(Y, 0, 7, 3), "b0 y3 b6");
    assert.equal(samples(Y, 1, 7, 2), "b1 y4");
    assert.equal(samples(X, 3, 5, 9), "");
    assert.equal(samples(X, 7, 7, 9), "");
    assert.equal(samples(X, 6, 99, 9), "b6", "there is nothing behind");
    assert.equal(samples(X, 0, 7, 1), "b0");
  }));

Deno.test("the newest wanted aggregate below a cursor is found", () =>
  withRows(["x0", "b1", "y2", "x3"], (reader) => {
    const newest = (bit: number, cursor: number, unwanted = "") =>
      reader.newestBelow(bit, cursor, ({ name }) => name !== unwanted)?.name;
    assert.deepEqual([0, 1, 2, 3, 4, 9].map((cursor) => newest(X, cursor)), [
      undefined,
      "x0",
      "b1",
      "b1",
      "x3",
      "x3",
    ]);
    assert.deepEqual([newest(Y, 1), newest(Y, 2), newest(Y, 4)], [undefined, "b1", "y2"]);
    assert.equal(newest(X, 4, "x3"), "b1");
    assert.equal(newest(X, 1, "x0"), undefined);
  }));

Deno.test("an aggregate comes back with all that it was", () =>
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory);
    const at = { timestamp: 1.5, labels: { line: "1" }, agg_func: "avg" };
    inside.take([{ name: "a", value: 1, ...at }, { name: "a", value: 4, ...at }]);
    inside.save(true);
    const batch = new SegmentReader(inside.state).run(1, 0, 1, 1)!;
    assert.deepEqual(rowsOf(batch), [{
      name: "a",
      labels: '{"line":"1"}',
      aggFunc: "avg",
      value: 2.5,
      windowStartMs: 1000,
      windowEndMs: 2000,
      count: 2,
      revision: 0,
    }]);
    inside.state.close();
  }));

Deno.test("of a segment of several rows, those below the cursor and those of other sinks are left out", () =>
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory, {
      sinks: ["x", "y"],
      router: { always: undefined, sinksFor: (name) => name < "c" ? ["x"] : ["x", "y"] },
    });
    inside.take([..."abcd"].map((name) => ({ name, value: 1, timestamp: 1 })));
    inside.save(true);
    const reader = new SegmentReader(inside.state);
    const all = rowsOf(reader.run(X, 0, 4, 9)!);
    assert.deepEqual([...named(all).split(" ")].toSorted(), [..."abcd"]);
    for (let from = 1; from < 4; from++) {
      assert.deepEqual(rowsOf(reader.run(X, from, 4, 9)), all.slice(from));
      assert.deepEqual(reader.run(X, from, 4, 1)?.nextId, from + 1);
      assert.deepEqual(reader.newestBelow(X, from, () => true), all[from - 1]);
    }
    const ofY = all.filter(({ name }) => name >= "c");
    assert.deepEqual(rowsOf(reader.run(Y, 0, 4, 9)), ofY);
    for (let cursor = 0; cursor <= 4; cursor++) {
      const below = all.slice(0, cursor).findLast((row) => ofY.includes(row));
      assert.deepEqual(reader.newestBelow(Y, cursor, () => true), below);
    }
    inside.take([..."abcd"].map((name) => ({ name, value: 1, timestamp: 2 })));
    inside.save(true);
    const next = rowsOf(reader.run(X, 4, 8, 9)!);
    for (let from = 5; from < 8; from++) {
      assert.deepEqual(reader.newestBelow(X, from, () => true), next[from - 5]);
    }
    inside.state.close();
  }));
