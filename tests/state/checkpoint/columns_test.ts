import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import fc from "../../support/fast_check.ts";
import {
  ColumnError,
  ColumnReader,
  ColumnWriter,
  readColumns,
} from "../../../src/state/checkpoint/columns.ts";
import { StateError } from "../../../src/state/file/state_error.ts";

const length = { maxLength: 40 };
const column = fc.oneof(
  fc.array(fc.double(), length).map((numbers) => Float64Array.from(numbers)),
  fc.array(fc.constantFrom(0, -0, NaN, Infinity), length).map((numbers) => Float64Array.from(numbers)),
  fc.int32Array(length),
  fc.uint16Array(length),
  fc.uint8Array(length),
  fc.tuple(fc.nat({ max: 255 }), fc.nat({ max: 40 })).map(([byte, count]) =>
    new Uint8Array(count).fill(byte)
  ),
);
type Column = Float64Array | Int32Array | Uint16Array | Uint8Array;

function read(reader: ColumnReader, like: Column): Column {
  if (like instanceof Float64Array) return reader.float64();
  if (like instanceof Int32Array) return reader.int32();
  return like instanceof Uint16Array ? reader.uint16() : reader.uint8();
}

function written(columns: readonly Column[], writer = new ColumnWriter()): Uint8Array {
  for (const one of columns) writer.write(one);
  return writer.finish().slice();
}

Deno.test("property: what is written is read, to the bit, one blob after another", () => {
  fc.assert(
    fc.property(fc.array(column, { maxLength: 8 }), fc.array(column, { maxLength: 8 }), (some, others) => {
      const writer = new ColumnWriter();
      for (const columns of [some, others, some]) {
        const reader = new ColumnReader(written(columns, writer));
        for (const one of columns) assert.deepEqual(read(reader, one), one);
        assert.throws(() => reader.uint8(), ColumnError, "there is no further one");
      }
    }),
  );
});

Deno.test("property: a flipped bit, a cut and an appendix are refused", () => {
  fc.assert(
    fc.property(fc.array(column, { minLength: 1, maxLength: 5 }), fc.nat(), fc.nat(), (columns, at, size) => {
      const blob = written(columns);
      const flipped = blob.slice();
      flipped[(at >> 3) % blob.length]! ^= 1 << (at & 7);
      for (const damaged of [flipped, blob.subarray(0, size % blob.length), Uint8Array.of(...blob, 0)]) {
        assert.throws(() => new ColumnReader(damaged), ColumnError);
      }
    }),
  );
});

Deno.test("property: masks are read as they were written, and take a byte each where that is enough", () => {
  const masks = fc.oneof(fc.uint8Array(length).map((bytes) => Int32Array.from(bytes)), fc.int32Array(length));
  fc.assert(fc.property(masks, (some) => {
    const writer = new ColumnWriter();
    writer.writeMasks(some);
    writer.write(Uint8Array.of(7));
    const blob = writer.finish();
    const reader = new ColumnReader(blob);
    assert.deepEqual(reader.masks(), some);
    assert.deepEqual(reader.uint8(), Uint8Array.of(7));
    if (some.every((mask) => mask >= 0 && mask < 256)) {
      assert.deepEqual(blob, written([Uint8Array.from(some), Uint8Array.of(7)]));
    } else assert.throws(() => new ColumnReader(blob).uint8(), ColumnError);
  }));
});

Deno.test("a column is not read as what it was not written as, where lengths tell", () => {
  const blob = written([Uint8Array.of(1, 2, 3)]);
  assert.throws(() => new ColumnReader(blob).float64(), ColumnError);
});

Deno.test("a column larger than the writer's room fits; one of a single number is kept as that number", () => {
  const large = Float64Array.from({ length: 50_000 }, (_, i) => i);
  assert.deepEqual(new ColumnReader(written([large])).float64(), large);
  const constant = new Float64Array(50_000).fill(-0);
  const blob = written([constant]);
  assert.ok(blob.length < 50);
  assert.deepEqual(new ColumnReader(blob).float64(), constant);
});

Deno.test("masks take the width of the widest of them, at each border", () => {
  const lengths = [1, 255, 256, 511, 512, 65_536, -1].map((mask) => {
    const masks = Int32Array.of(...Array.from({ length: 15 }, () => 1), mask, 2);
    const writer = new ColumnWriter();
    writer.writeMasks(masks);
    const blob = writer.finish();
    assert.deepEqual(new ColumnReader(blob).masks(), masks, `${mask}`);
    return blob.length;
  });
  const [bytes, words] = [8 + 8 + 24, 8 + 8 + 72];
  assert.deepEqual(lengths, [bytes, bytes, words, words, words, words, words]);
});

Deno.test("the same columns are the same bytes, whatever the writer wrote before", () => {
  const writer = new ColumnWriter();
  const columns = [Uint8Array.of(1, 2, 3), Uint16Array.of(4, 5, 6)];
  const blob = written(columns);
  written([new Uint8Array(200).map((_, i) => 255 - i)], writer);
  assert.deepEqual(written(columns, writer), blob);
});

Deno.test("columns are on disk as they have always been, byte by byte", () => {
  const blob = written([Uint8Array.of(1, 2, 3), Uint16Array.of(7, 7), Uint8Array.of(9)]);
  const columns = [
    ...[2, 0, 0, 0, 3, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0, 0],
    ...[1, 0, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0],
    ...[1, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0],
  ];
  assert.deepEqual([...blob.subarray(4)], [0, 0, 0, 0, ...columns]);
  assert.equal(
    new DataView(blob.buffer, blob.byteOffset).getUint32(0, true),
    crc32(Uint8Array.from(columns)),
  );
  const masks = new ColumnWriter();
  masks.writeMasks(Int32Array.of(256, 1));
  assert.deepEqual([...masks.finish().subarray(8)], [6, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0]);
});

Deno.test("columns that cannot be decoded are a damaged state, other errors are themselves", () => {
  assert.equal(readColumns("/state", () => 7), 7);
  assert.throws(
    () => readColumns("/state", () => new ColumnReader(new Uint8Array(3))),
    (error) =>
      error instanceof StateError && error.kind === "damaged" &&
      /\/state is damaged \(a block of columns is cut off\)/.test(error.message),
  );
  const other = new Error("another");
  assert.throws(() =>
    readColumns("/state", () => {
      throw other;
    }), (error) => error === other);
});
