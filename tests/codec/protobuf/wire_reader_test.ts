import assert from "node:assert/strict";
import protobuf from "protobufjs";
import fc from "../../support/fast_check.ts";
import { MessageReader, type MessageSchema } from "../../../src/codec/protobuf/message_schema.ts";
import { WireReader } from "../../../src/codec/protobuf/wire_reader.ts";
import { lengthField, varintField } from "../../../src/codec/protobuf/wire_writer.ts";
import { PushError } from "../../../src/codec/push_error.ts";

const PROTO = protobuf.parse(
  `syntax = "proto3";
  message All {
    string text = 1; bytes bytes = 2; bool bool = 3; double double = 4; fixed64 fixed64 = 5;
    sfixed64 sfixed64 = 6; uint64 uint64 = 7; uint32 uint32 = 8; sint32 sint32 = 9; int64 digits = 10;
    repeated uint64 counts = 11; repeated double doubles = 12; repeated fixed64 packed = 13;
    repeated fixed64 unpacked = 14 [packed = false]; All inner = 15; repeated All list = 2000;
    fixed32 unknown = 16; float float = 17; string more = 18; sint64 last = 19;
  }`,
).root.lookupType("All");

const SCHEMA: MessageSchema = {
  1: { name: "text", is: "text" },
  2: { name: "bytes", is: "bytes" },
  3: { name: "bool", is: "bool" },
  4: { name: "double", is: "double" },
  5: { name: "fixed64", is: "fixed64" },
  6: { name: "sfixed64", is: "sfixed64" },
  7: { name: "uint64", is: "uint64" },
  8: { name: "uint32", is: "uint32" },
  9: { name: "sint32", is: "sint32" },
  10: { name: "digits", is: "int64digits" },
  11: { name: "counts", is: "uint64", isRepeated: true },
  12: { name: "doubles", is: "double", isRepeated: true },
  13: { name: "packed", is: "fixed64", isRepeated: true },
  14: { name: "unpacked", is: "fixed64", isRepeated: true },
  15: { name: "inner", is: () => SCHEMA },
  2000: { name: "list", is: () => SCHEMA, isRepeated: true },
};

const read = (bytes: Uint8Array) => new MessageReader(new WireReader(bytes, "All")).read(SCHEMA);

const safe = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const flat = fc.record({
  text: fc.string({ unit: "binary", maxLength: 80 }).filter((text) => text.isWellFormed()),
  bytes: fc.uint8Array({ maxLength: 9 }),
  bool: fc.boolean(),
  double: fc.double({ noNaN: true }),
  fixed64: safe,
  sfixed64: fc.maxSafeInteger(),
  uint64: safe,
  uint32: fc.nat(2 ** 32 - 1),
  sint32: fc.integer(),
  digits: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  counts: fc.array(safe, { minLength: 1, maxLength: 5 }),
  doubles: fc.array(fc.double({ noNaN: true }), { minLength: 1, maxLength: 5 }),
  packed: fc.array(safe, { minLength: 1, maxLength: 5 }),
  unpacked: fc.array(safe, { minLength: 1, maxLength: 5 }),
}, { requiredKeys: [] });
const message = fc.record({
  inner: fc.option(flat, { nil: undefined }),
  list: fc.array(flat, { minLength: 1, maxLength: 3 }),
  whole: flat,
}).map(({ inner, list, whole }) => ({ ...whole, ...(inner && { inner }), list }));

type Message = Record<string, unknown>;

/** As the reader has it: what is the default in proto3 is not sent. */
function expected(sent: Message): Message {
  const result: Message = {};
  for (const [name, value] of Object.entries(sent)) {
    // The encoder leaves it out.
    if (name === "digits" && value === "0") continue;
    if (value instanceof Uint8Array) {
      if (value.length > 0) result[name] = value.toBase64();
    } else if (Array.isArray(value)) {
      result[name] = value.map((item) => typeof item === "object" ? expected(item) : item);
    } else if (typeof value === "object") result[name] = expected(value as Message);
    else result[name] = value;
  }
  return result;
}

/** The encoder sends defaults that are set; a field of -0 or "" compares like one that is left out. */
const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, item) => item === "" || item === 0 || item === false ? undefined : item),
  );

Deno.test("property: what another implementation encodes is read, and a cut anywhere is an error or less", () => {
  fc.assert(
    fc.property(message, (sent) => {
      const bytes = Uint8Array.from(
        PROTO.encode(PROTO.fromObject({ ...sent, unknown: 7, float: 1.5, more: "passed over", last: -3 }))
          .finish(),
      );
      const found = read(bytes);
      assert.deepEqual(plain(found), plain(expected(sent)));
      for (let length = 0; length < bytes.length; length++) {
        try {
          read(bytes.subarray(0, length));
        } catch (error) {
          assert.ok(error instanceof PushError && error.status === 400, String(error));
          const at = Number(/ at byte (\d+)$/.exec(error.message)?.[1]);
          assert.ok(at <= length, error.message);
        }
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("what is not protobuf says what is wrong and where", () => {
  const faultOf = (bytes: number[]) => {
    try {
      return JSON.stringify(read(Uint8Array.from(bytes)));
    } catch (error) {
      assert.ok(error instanceof PushError);
      return error.message;
    }
  };
  const varint = 0x38;
  assert.match(faultOf([varint, ...Array(9).fill(0xff), 0x02]), /a number of more than 64 bits at byte 1$/);
  assert.match(faultOf([varint, ...Array(11).fill(0x80)]), /a number of more than 64 bits at byte 1$/);
  assert.equal(faultOf([varint, ...Array(9).fill(0xff), 0x01]), '{"uint64":18446744073709552000}');
  assert.equal(faultOf([varint, 0x80, 0x80, 0]), '{"uint64":0}');
  assert.match(faultOf([varint, 0x80]), /a number that is cut off at byte 1$/);
  assert.match(faultOf([0x00]), /no number of a field at byte 0$/);
  assert.match(faultOf([0x0b]), /field 1 with the wire type 3 instead of 2 at byte 1$/);
  assert.match(faultOf([0x83, 0x01]), /the wire type 3, which is not read at byte 2$/);
  assert.match(faultOf([0x0a, 0x05, 0x61]), /a length of 5, with 1 bytes left, at byte 1$/);
  assert.match(
    faultOf([0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
    /a length of 1844674407370955/,
  );
  assert.match(faultOf([0x7a, 0x02, 0x0a, 0x05, 0x61]), /a length of 5, with 0 bytes left, at byte 3$/);
  assert.match(faultOf([0x0a, 0x01, 0xff]), /a text that is not UTF-8 at byte 1$/);
  assert.match(faultOf([0x62, 0x07, 1, 2, 3, 4, 5, 6, 7]), /a number of 8 bytes, with 7 left, at byte 2$/);
  let deep = Uint8Array.of();
  for (let i = 0; i < 50; i++) deep = Uint8Array.from(lengthField(15, deep));
  assert.match(faultOf([...deep]), /a message 40 levels deep/);
});

Deno.test("what is written is read", () => {
  fc.assert(fc.property(safe, fc.uint8Array({ maxLength: 300 }), (number, bytes) => {
    const written = Uint8Array.from([...varintField(7, number), ...lengthField(2, bytes)]);
    assert.deepEqual(read(written), { uint64: number, bytes: bytes.toBase64() });
  }));
});
