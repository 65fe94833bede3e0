import assert from "node:assert/strict";
import { canonicalLabels, seriesKey } from "../../../src/event/labels.ts";
import { oddLabels } from "../../support/odd_labels.ts";
import fc from "../../support/fast_check.ts";
import type { Accumulator } from "../../../src/aggregation/accumulator.ts";
import { functionId, isPercentile } from "../../../src/event/agg_function.ts";
import { QuantileSketch } from "../../../src/aggregation/quantile_sketch.ts";
import { archiveHash } from "../../../src/aggregation/series_hash.ts";
import { ColumnError, ColumnWriter } from "../../../src/state/checkpoint/columns.ts";
import { writeSketches } from "../../../src/state/checkpoint/sketch_columns.ts";
import {
  REVISION_MAX,
  Segment,
  SEGMENT_ROWS,
  SegmentBuilder,
  type SegmentRow,
} from "../../../src/state/outbox/segment.ts";

type TestRow = Accumulator & SegmentRow & { readonly name: string };

const FUNCTIONS = ["sum", "stddev", "p0", "p99.9", "p100"].map(functionId);

/** Of a few sinks, or of up to 32. */
const mask = fc.oneof(fc.nat({ max: 255 }), fc.integer());

const row = fc.record({
  // A key: the name, and perhaps labels.
  name: fc.tuple(
    fc.string({ unit: "binary", minLength: 1, maxLength: 12 })
      .filter((name) => name.isWellFormed() && !name.includes("\0")),
    oddLabels,
  ).map(([name, labels]) => seriesKey(name, canonicalLabels(labels))),
  functionId: fc.constantFrom(...FUNCTIONS),
  x: fc.double(),
  y: fc.double(),
  count: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  previousCount: fc.nat(),
  revision: fc.nat({ max: REVISION_MAX }),
  sinks: mask,
  newSinks: mask,
  values: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 5 }),
}).map(({ name, values, ...numbers }): TestRow => {
  const nameBytes = new TextEncoder().encode(name);
  const sketch = new QuantileSketch();
  for (const value of values) sketch.add(value);
  return {
    ...numbers,
    name,
    names: nameBytes,
    nameStart: 0,
    nameLength: nameBytes.length,
    hash: archiveHash(nameBytes, 0, nameBytes.length, numbers.functionId),
    sketch: isPercentile(numbers.functionId) ? sketch : undefined,
  };
});
const rows = fc.uniqueArray(row, {
  minLength: 1,
  maxLength: 30,
  selector: (r) => `${r.functionId} ${r.name}`,
})
  .map((all) => all.toSorted((a, b) => (a.hash >>> 0) - (b.hash >>> 0)));

function built(all: readonly TestRow[], builder = new SegmentBuilder()): Uint8Array {
  for (const one of all) builder.add(one, one);
  return builder.finish(new ColumnWriter()).slice();
}

Deno.test("property: a segment gives back what it was built of, and finds each series in it", () => {
  fc.assert(fc.property(rows, rows, (some, others) => {
    const builder = new SegmentBuilder();
    built(others, builder);
    const segment = new Segment(built(some, builder));
    assert.equal(segment.rowCount, some.length);
    some.forEach((expected, i) => {
      const { functionId, x, y, count, sketch } = segment.accumulator(i);
      assert.deepEqual([functionId, x, y, count], [
        expected.functionId,
        expected.x,
        expected.y,
        expected.count,
      ]);
      assert.deepEqual(sketch?.bins, expected.sketch?.bins);
      assert.equal(seriesKey(segment.series(i).name, segment.series(i).labels), expected.name);
      assert.equal(segment.previousCount[i], expected.previousCount);
      assert.equal(segment.revision[i], expected.revision);
      assert.deepEqual([segment.sinks[i], segment.newSinks[i]], [expected.sinks, expected.newSinks]);
      assert.equal(segment.find(expected.hash, expected.functionId, expected.names), i);
      assert.equal(segment.find(expected.hash, functionId === 0 ? 1 : 0, Uint8Array.of(0)), -1);
    });
    for (const { hash, functionId, names, name } of others) {
      const isThere = some.some((one) => one.functionId === functionId && one.name === name);
      assert.equal(segment.find(hash, functionId, names) >= 0, isThere);
    }
  }));
});

Deno.test("property: a damaged segment is refused, never half read", () => {
  fc.assert(fc.property(rows, fc.nat(), (all, at) => {
    const blob = built(all);
    blob[(at >> 3) % blob.length]! ^= 1 << (at & 7);
    assert.throws(() => new Segment(blob), ColumnError);
  }));
});

Deno.test("keys come back, whatever their length and alphabet", () => {
  const ascii = ["a", "\x7f", "x".repeat(256), "x".repeat(257), "y".repeat(2046)];
  const labelled = ascii.map((name) => seriesKey(name, canonicalLabels({ line: "4", site: "north" })));
  for (const others of [[], ["é"], ["\u0080"], ["東京"]]) {
    const keys = [...ascii, ...others, ...labelled];
    const segment = new Segment(built(keys.map(rowOf)));
    const found = keys.map((_, row) => segment.series(row));
    assert.deepEqual(found.map(({ name, labels }) => seriesKey(name, labels)), keys);
  }
});

Deno.test("a full segment of the longest names; a name that begins with a byte order mark keeps it", () => {
  const builder = new SegmentBuilder();
  const nameOf = (i: number) => `\uFEFF${"𝄞".repeat(510)}${String.fromCodePoint(0x10000 + i)}`;
  const all = Array.from({ length: SEGMENT_ROWS }, (_, i) => rowOf(nameOf(i), i));
  assert.ok(all[0]!.nameLength > 2040);
  for (const one of all) builder.add(one, one);
  assert.ok(builder.isFull);
  assert.deepEqual([builder.firstHash, builder.lastHash, builder.sinkBits], [
    2 ** 32 - SEGMENT_ROWS,
    2 ** 32 - 1,
    1,
  ]);
  const segment = new Segment(builder.finish(new ColumnWriter()));
  for (const i of [0, 1, SEGMENT_ROWS - 1]) {
    assert.equal(segment.series(i).name, nameOf(i));
    assert.equal(segment.find(all[i]!.hash, FUNCTIONS[0]!, all[i]!.names), i);
  }
  assert.equal(builder.rowCount, 0);
});

Deno.test("each number of a row comes back in its own place, and each sketch with its own row", () => {
  const all = ["sum", "p50", "stddev", "p99.9"].map((name, i): TestRow => {
    const id = functionId(name);
    const sketch = new QuantileSketch();
    sketch.add(10 ** i);
    return {
      ...rowOf(`${name}`, i),
      ...{ functionId: id, x: i + 0.5, y: i + 0.25, count: 10 + i, previousCount: 20 + i, revision: 30 + i },
      ...{ sinks: 40 + i, newSinks: 50 + i, sketch: isPercentile(id) ? sketch : undefined },
    };
  });
  const segment = new Segment(built(all));
  assert.equal(segment.rowCount, all.length);
  all.forEach((expected, row) => {
    const { sketch, ...numbers } = segment.accumulator(row);
    const { functionId, x, y, count, previousCount, revision, sinks, newSinks, hash } = expected;
    assert.deepEqual(numbers, { functionId, x, y, count });
    assert.deepEqual(sketch?.bins, expected.sketch?.bins);
    assert.deepEqual(
      [segment.previousCount, segment.revision, segment.sinks, segment.newSinks, segment.hash]
        .map((column) => column[row]),
      [previousCount, revision, sinks, newSinks, hash],
    );
    assert.equal(segment.series(row).name, expected.name);
  });
});

Deno.test("whoever merges the sketch of a row changes none of the segment", () => {
  const sketch = new QuantileSketch();
  sketch.add(1);
  const segment = new Segment(built([{ ...rowOf("a", 0), functionId: functionId("p50"), sketch }]));
  const correction = new QuantileSketch();
  correction.add(100);
  segment.accumulator(0).sketch!.merge(correction);
  assert.deepEqual(segment.accumulator(0).sketch!.bins, sketch.bins);
});

Deno.test("a revision that a segment cannot hold is refused, not changed", () => {
  const [one] = fc.sample(row, 1);
  const { revision } = new Segment(built([{ ...one!, revision: REVISION_MAX }]));
  assert.equal(revision[0], REVISION_MAX);
  assert.throws(() => built([{ ...one!, revision: REVISION_MAX + 1 }]), RangeError);
});

/** A row with nothing special besides its key. */
function rowOf(name: string, i: number): TestRow {
  const names = new TextEncoder().encode(name);
  return {
    functionId: FUNCTIONS[0]!,
    x: i,
    y: 0,
    count: 1,
    previousCount: 0,
    revision: 0,
    sinks: 1,
    newSinks: 1,
    sketch: undefined,
    hash: -SEGMENT_ROWS + i,
    name,
    names,
    nameStart: 0,
    nameLength: names.length,
  };
}

Deno.test("rows that differ in hash, in length or in function have marks of their own", () => {
  const [sum, deviation] = [functionId("sum"), functionId("stddev")];
  const rows = ([[5, "ab", sum], [5, "abc", sum], [5, "ab", deviation], [6, "ab", sum], [7, "ab", sum], [
    -1,
    "ab",
    sum,
  ]] as const)
    .map(([hash, name, functionId]) => {
      const names = new TextEncoder().encode(name);
      const numbers = { x: 1, y: 0, count: 1, previousCount: 0, revision: 0, sinks: 1, newSinks: 1 };
      const key = { names, nameStart: 0, nameLength: names.length };
      return { ...numbers, ...key, hash, name, functionId, sketch: undefined };
    });
  const segment = new Segment(built(rows));
  const marks = rows.map((_, row) => segment.mark(row));
  assert.equal(new Set(marks).size, rows.length);
  assert.ok(marks.every(Number.isSafeInteger));
  assert.equal(new Segment(built(rows.slice(1))).mark(0), marks[1], "wherever a row is");
});

Deno.test("series whose hashes are equal are told apart by function and by every byte of the key", () => {
  const [sum, deviation] = [functionId("sum"), functionId("stddev")];
  const keys: [hash: number, name: string, functionId: number][] = [
    [3, "ab", sum],
    [5, "ab", sum],
    [5, "xb", sum],
    [5, "ax", sum],
    [5, "abc", sum],
    [5, "a", deviation],
    [8, "ab", deviation],
    [8, "z", sum],
  ];
  const segment = new Segment(
    built(keys.map(([hash, name, functionId], i) => ({ ...rowOf(name, i), hash, functionId }))),
  );
  const find = (hash: number, name: string, functionId: number) =>
    segment.find(hash, functionId, new TextEncoder().encode(name));
  keys.forEach((key, row) => assert.equal(find(...key), row, key.join(" ")));
  const strangers: typeof keys = [
    [5, "a", sum],
    [5, "abcd", sum],
    [5, "xbc", sum],
    [5, "", sum],
    [5, "xb", deviation],
    [4, "ab", sum],
    [7, "z", sum],
    [8, "ab", sum],
    [9, "z", sum],
    [-1, "z", sum],
  ];
  for (const key of strangers) assert.equal(find(...key), -1, key.join(" "));
});

Deno.test("a segment's sinks are those of its own rows, whatever the builder held before", () => {
  const builder = new SegmentBuilder();
  const fill = (...sinks: number[]) => sinks.forEach((bits, i) => add(i, bits));
  const add = (i: number, sinks: number) => {
    const row = { ...rowOf(`${i}`, i), sinks };
    builder.add(row, row);
  };
  fill(1, 2, 4);
  assert.equal(builder.sinkBits, 7);
  builder.finish(new ColumnWriter());
  assert.equal(builder.sinkBits, 0);
  fill(8);
  assert.equal(builder.sinkBits, 8);
  builder.clear();
  fill(16, 32);
  assert.equal(builder.sinkBits, 48);
});

Deno.test("a segment that was sealed with columns of different length, or with an unknown function, is refused", () => {
  const COLUMNS = 10;
  const segment = (short: number, id = FUNCTIONS[0]!) => {
    const writer = new ColumnWriter();
    const length = (column: number) => column === short ? 1 : 2;
    writer.write(new Int32Array(length(0)));
    writer.write(new Int32Array(length(1)).fill(id));
    for (let column = 2; column < 6; column++) writer.write(new Float64Array(length(column)));
    writer.write(new Int32Array(length(6)));
    writer.writeMasks(new Int32Array(length(7)));
    writer.writeMasks(new Int32Array(length(8)));
    writer.write(new Uint16Array(length(9)).fill(1));
    writer.write(new TextEncoder().encode("ab".slice(0, length(9))));
    writeSketches(writer, []);
    return new Segment(writer.finish());
  };
  assert.equal(segment(COLUMNS).rowCount, 2);
  for (let column = 0; column < COLUMNS; column++) {
    assert.throws(
      () => segment(column),
      (error) => error instanceof ColumnError && /differ in length/.test(error.message),
      `column ${column}`,
    );
  }
  assert.throws(
    () => segment(COLUMNS, -1),
    (error) => error instanceof ColumnError && /unknown function/.test(error.message),
  );
});
