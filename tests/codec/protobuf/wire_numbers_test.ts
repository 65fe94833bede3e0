import assert from "node:assert/strict";
import { WireReader } from "../../../src/codec/protobuf/wire_reader.ts";
import { lengthField, varintField } from "../../../src/codec/protobuf/wire_writer.ts";
import { PushError } from "../../../src/codec/push_error.ts";

/** A reader of a field with the number 1, in the middle of other bytes. */
function readerOf(wire: number, content: readonly number[]): WireReader {
  const outer = Uint8Array.of(0xee, 0xee, 8 + wire, ...content, 0xee, 0xee);
  const reader = new WireReader(outer.subarray(2, outer.length - 2), "test");
  assert.ok(reader.next());
  assert.equal(reader.field, 1);
  return reader;
}

function varint(value: bigint): number[] {
  return value < 128n ? [Number(value)] : [Number(value & 127n) | 128, ...varint(value >> 7n)];
}

function fixed(bytes: number, set: (view: DataView) => void): number[] {
  const view = new DataView(new ArrayBuffer(bytes));
  set(view);
  return [...new Uint8Array(view.buffer)];
}

const U64 = [
  0n,
  1n,
  127n,
  128n,
  300n,
  ...[14n, 21n, 28n, 31n, 32n, 35n, 42n, 49n, 53n, 56n, 63n].flatMap((bits) => [
    2n ** bits - 1n,
    2n ** bits,
    2n ** bits + 1n,
  ]),
  0x123456789abcdefn,
  2n ** 64n - 1n,
];

Deno.test("numbers of 64 bits are read of a varint and of eight bytes, with a sign and without", () => {
  for (const value of U64) {
    const bytes = varint(value);
    const signed = BigInt.asIntN(64, value);
    const read = <T>(of: (reader: WireReader) => T): T => {
      const reader = readerOf(0, bytes);
      const number = of(reader);
      assert.equal(reader.at, 1 + bytes.length);
      assert.equal(reader.hasMore, false);
      return number;
    };
    assert.equal(read((reader) => reader.uint64()), Number(value), `${value}`);
    assert.equal(read((reader) => reader.int64()), Number(signed), `${signed}`);
    assert.equal(read((reader) => reader.int64Digits()), `${signed}`);
    assert.equal(read((reader) => reader.uint32()), Number(value & 0xffffffffn));
    const low = Number(BigInt.asIntN(32, value));
    assert.equal(read((reader) => reader.sint32()), (low >>> 1) ^ -(low & 1));
    const eight = fixed(8, (view) => view.setBigUint64(0, value, true));
    assert.equal(readerOf(1, eight).fixed64(), Number(value));
    assert.equal(readerOf(1, eight).sfixed64(), Number(signed));
    const bits = readerOf(1, eight);
    bits.double();
    const [high, rest] = [Number(value >> 32n), Number(value & 0xffffffffn)];
    assert.ok(bits.hadBits(high, rest));
    assert.ok(!bits.hadBits(high ^ 1, rest) && !bits.hadBits(high, rest ^ 1));
  }
  for (const number of [0, 1.5, -1e300, Infinity]) {
    assert.equal(readerOf(1, fixed(8, (view) => view.setFloat64(0, number, true))).double(), number);
  }
  for (const number of [0, 1.5, -0.25, Infinity]) {
    assert.equal(readerOf(5, fixed(4, (view) => view.setFloat32(0, number, true))).float(), number);
  }
});

Deno.test("a varint of more than 64 bits, or one that is cut off, is a fault where it begins", () => {
  const faultOf = (content: readonly number[]) => {
    try {
      return readerOf(0, content).uint64();
    } catch (error) {
      assert.ok(error instanceof PushError && error.status === 400);
      return error.message.replace("the body is no test: there is ", "");
    }
  };
  const long = "a number of more than 64 bits at byte 1";
  const nine = Array(9).fill(0x80);
  assert.equal(faultOf([...nine, 1]), 2 ** 63);
  assert.equal(faultOf([...nine, 0]), 0);
  assert.equal(faultOf([...nine, 2]), long);
  assert.equal(faultOf([...nine, 0x80, 0]), long);
  for (let length = 0; length <= 9; length++) {
    assert.equal(faultOf(nine.slice(0, length)), "a number that is cut off at byte 1");
  }
});

Deno.test("the number of a field has up to 29 bits, and is not 0", () => {
  const fieldOf = (tag: readonly number[]) => {
    const reader = new WireReader(Uint8Array.from(tag), "test");
    try {
      return reader.next() ? reader.field : undefined;
    } catch (error) {
      return (error as PushError).message;
    }
  };
  const none = "the body is no test: there is no number of a field at byte 0";
  assert.equal(fieldOf([]), undefined);
  assert.equal(fieldOf([0x08]), 1);
  assert.equal(fieldOf([0x80, 0x01]), 16);
  assert.equal(fieldOf(varint(2n ** 32n - 8n)), 2 ** 29 - 1);
  assert.equal(fieldOf([0x07]), none);
  assert.equal(fieldOf(varint(2n ** 32n + 8n)), none);
});

Deno.test("each wire type has its length, by which a field is passed over", () => {
  const contents: readonly (readonly [number, readonly number[]])[] = [
    [0, [0x80, 0x80, 1]],
    [1, Array(8).fill(9)],
    [2, [3, 9, 9, 9]],
    [2, [0]],
    [5, Array(4).fill(9)],
  ];
  for (const [wire, content] of contents) {
    const reader = readerOf(wire, [...content, 0x10, 7]);
    reader.skip();
    assert.equal(reader.at, 1 + content.length);
    assert.ok(reader.next());
    assert.deepEqual([reader.field, reader.uint64(), reader.next()], [2, 7, false]);
    for (let length = 0; length < content.length; length++) {
      assert.throws(() => readerOf(wire, content.slice(0, length)).skip(), PushError, `${wire}: ${length}`);
    }
  }
  for (const wire of [3, 4, 6, 7]) {
    assert.throws(() => readerOf(wire, [0]).skip(), {
      message: `the body is no test: there is the wire type ${wire}, which is not read at byte 1`,
    });
  }
});

Deno.test("a value is read only of the wire type that it has", () => {
  const reads: readonly (readonly [number, (reader: WireReader) => unknown])[] = [
    [0, (reader) => reader.uint64()],
    [0, (reader) => reader.int64()],
    [0, (reader) => reader.int64Digits()],
    [0, (reader) => reader.uint32()],
    [0, (reader) => reader.sint32()],
    [1, (reader) => reader.fixed64()],
    [1, (reader) => reader.sfixed64()],
    [1, (reader) => reader.double()],
    [2, (reader) => reader.text()],
    [2, (reader) => reader.bytesOf()],
    [2, (reader) => reader.enter()],
    [5, (reader) => reader.float()],
  ];
  for (const [wanted, read] of reads) {
    for (const wire of [0, 1, 2, 5]) {
      const reader = readerOf(wire, Array(12).fill(1));
      assert.equal(reader.isPacked, wire === 2);
      if (wire === wanted) read(reader);
      else {
        assert.throws(() => read(reader), {
          message:
            `the body is no test: there is field 1 with the wire type ${wire} instead of ${wanted} at byte 1`,
        });
      }
    }
  }
});

Deno.test("a text is UTF-8 of any length, and undefined where it is not", () => {
  for (const length of [0, 1, 47, 48, 49, 127, 128, 300]) {
    for (const text of ["x".repeat(length), `${"x".repeat(Math.max(0, length - 2))}ü`]) {
      const bytes = [...new TextEncoder().encode(text)];
      assert.equal(readerOf(2, [...varint(BigInt(bytes.length)), ...bytes]).text(), text);
    }
    if (length > 0) {
      const broken = Array(length).fill(0x78).with(length - 1, 0xff);
      assert.equal(readerOf(2, [...varint(BigInt(length)), ...broken]).text(), undefined);
    }
  }
  assert.equal(readerOf(2, [1, 0x7f]).text(), "\x7f");
  assert.equal(readerOf(2, [1, 0x80]).text(), undefined);
  assert.equal(readerOf(2, [3, 0xef, 0xbb, 0xbf]).text(), "\ufeff");
});

Deno.test("a message is read up to its end, whatever follows it, and can be entered again", () => {
  const reader = readerOf(2, [2, 0x10, 5, 0x18, 6]);
  const outer = reader.enter();
  const { span } = reader;
  assert.deepEqual(span, { at: 2, end: 4 });
  assert.ok(reader.next() && reader.hasMore);
  assert.equal(reader.uint64(), 5);
  assert.deepEqual([reader.next(), reader.hasMore], [false, false]);
  reader.leave(outer);
  assert.ok(reader.next());
  assert.deepEqual([reader.field, reader.uint64(), reader.next()], [3, 6, false]);
  reader.goTo(span);
  assert.ok(reader.next());
  assert.equal(reader.field, 2);
  const other = readerOf(0, [1, 2, 0x10, 5]);
  other.enterAt(2);
  assert.ok(other.next());
  assert.deepEqual([other.field, other.uint64(), other.next()], [2, 5, false]);
  const left = readerOf(2, [2, 0x10, 5, 0x18, 6]);
  left.leave(left.enter());
  assert.ok(left.next());
  assert.equal(left.field, 3, "what was not read is passed over");
});

Deno.test("a run of numbers is read without fields between them", () => {
  const reader = readerOf(2, [3, 1, 0x80, 2, 0x10, 9]);
  const outer = reader.enterRun("varint");
  const numbers: number[] = [];
  while (reader.hasMore) numbers.push(reader.uint64());
  reader.leave(outer);
  assert.deepEqual(numbers, [1, 256]);
  assert.ok(reader.next());
  assert.equal(reader.field, 2);
  const wide = readerOf(2, [8, ...fixed(8, (view) => view.setFloat64(0, 2.5, true))]);
  wide.enterRun("fixed64");
  assert.deepEqual([wide.double(), wide.hasMore], [2.5, false]);
});

Deno.test("a step of work is so many fields, or texts that take as long", () => {
  const reader = new WireReader(new Uint8Array(2 * 5000).map((_, i) => i % 2 === 0 ? 8 : 1), "test");
  let fields = 0;
  const untilDone = () => {
    const before = fields;
    while (!reader.isStepDone()) {
      assert.ok(reader.next());
      reader.skip();
      fields++;
    }
    return fields - before;
  };
  assert.equal(untilDone(), 4096);
  assert.equal(reader.isStepDone(), false);
  const text = [...varint(320n), ...Array(320).fill(0x78)];
  const long = readerOf(2, text);
  let texts = 0;
  for (; !long.isStepDone(); texts++) {
    long.enterAt(1);
    long.goTo({ at: 0, end: 1 + text.length });
    assert.ok(long.next());
    long.text();
  }
  // The first field was entered before; a text of 320 bytes counts for ten more.
  assert.equal(texts, Math.ceil((4096 - 1) / 11));
});

Deno.test("fields are written as they are read, up to the greatest numbers", () => {
  for (const value of [0, 1, 127, 128, 16_383, 16_384, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    assert.deepEqual([...varintField(1, value)], [8, ...varint(BigInt(value))], `${value}`);
  }
  assert.deepEqual([...varintField(16, 1)], [0x80, 0x01, 1]);
  assert.deepEqual([...lengthField(1, Uint8Array.of(7, 8))], [0x0a, 2, 7, 8]);
  assert.deepEqual([...lengthField(16, new Uint8Array(128))].slice(0, 4), [0x82, 0x01, 0x80, 0x01]);
});
