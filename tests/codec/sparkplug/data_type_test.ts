import assert from "node:assert/strict";
import {
  isNumeric,
  Misfit,
  numberOf,
  typeName,
  type WireValue,
} from "../../../src/codec/sparkplug/data_type.ts";
import { sequenceStep } from "../../../src/codec/sparkplug/sequence.ts";
import { parseTopic } from "../../../src/codec/sparkplug/topic.ts";

const [INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64, FLOAT, DOUBLE, BOOLEAN] = [
  ...Array(11).keys(),
].map((i) => i + 1) as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];

function read(type: number, wire: WireValue): number | string | boolean {
  const value = numberOf(type, wire);
  return value instanceof Misfit ? value.problem : value;
}

Deno.test("an integer of a type is read of its two's complement, filled up with the sign or not", () => {
  const out = (type: number) => `has a value out of the range of its type, ${typeName(type)}`;
  const bits = [[INT8, UINT8, 8], [INT16, UINT16, 16], [INT32, UINT32, 32]] as const;
  for (const [signed, unsigned, width] of bits) {
    const range = 2 ** width;
    const cases: readonly (readonly [number, number | string, number | string])[] = [
      [signed, 0, 0],
      [signed, 1, 1],
      [signed, range / 2 - 1, range / 2 - 1],
      [signed, range / 2, -range / 2],
      [signed, range - 1, -1],
      [signed, 2 ** 32 - 1, -1],
      [signed, 2 ** 32 - range / 2, -range / 2],
      [signed, -1, -1],
      [signed, `${-range / 2}`, -range / 2],
      [signed, -range / 2 - 1, out(signed)],
      [signed, 2 ** 32, out(signed)],
      [unsigned, 0, 0],
      [unsigned, range - 1, range - 1],
      [unsigned, `${range - 1}`, range - 1],
      [unsigned, range, out(unsigned)],
      [unsigned, -1, out(unsigned)],
    ];
    for (const [type, wire, expected] of cases) {
      assert.equal(read(type, { field: "integer", value: wire }), expected, `${typeName(type)} ${wire}`);
    }
    if (width < 32) {
      assert.equal(read(signed, { field: "integer", value: range }), out(signed));
      assert.equal(read(signed, { field: "integer", value: 2 ** 32 - range / 2 - 1 }), out(signed));
    }
  }
});

Deno.test("an integer of 64 bits keeps its digits where a double does not", () => {
  const cases: readonly (readonly [number, number | string, number | string])[] = [
    [INT64, 5, 5],
    [INT64, "-5", -5],
    [INT64, "-9007199254740991", -9007199254740991],
    [INT64, "-9007199254740992", "-9007199254740992"],
    [INT64, "9007199254740993", "9007199254740993"],
    [UINT64, 5, 5],
    [UINT64, "9007199254740993", "9007199254740993"],
    [UINT64, "-1", "18446744073709551615"],
    [UINT64, "-9223372036854775808", "9223372036854775808"],
  ];
  for (const [type, wire, expected] of cases) {
    assert.equal(read(type, { field: "integer", value: wire }), expected, `${typeName(type)} ${wire}`);
  }
});

Deno.test("a value of another field than that of its type is none", () => {
  const wires: readonly WireValue[] = [
    { field: "integer", value: 1 },
    { field: "decimal", value: 1.5 },
    { field: "boolean", value: true },
    { field: "text", value: "1" },
    { field: "other" },
  ];
  for (let type = INT8; type <= BOOLEAN; type++) {
    const fits = type <= UINT64 ? "integer" : type === BOOLEAN ? "boolean" : "decimal";
    for (const wire of wires) {
      const expected = wire.field === fits && "value" in wire
        ? wire.value
        : `has a value that is none of its type, ${typeName(type)}`;
      assert.equal(read(type, wire), expected, `${typeName(type)} ${wire.field}`);
    }
  }
});

Deno.test("the types from Int8 to Boolean are numbers, and others are known by their names", () => {
  const names =
    "Unknown Int8 Int16 Int32 Int64 UInt8 UInt16 UInt32 UInt64 Float Double Boolean String DateTime Text"
      .split(" ");
  names.push("UUID", "DataSet", "Bytes", "File", "Template", "type 20");
  for (const [type, name] of names.entries()) {
    assert.equal(typeName(type), name);
    assert.equal(isNumeric(type), type >= INT8 && type <= BOOLEAN, name);
  }
  assert.deepEqual([FLOAT, DOUBLE], [9, 10]);
});

Deno.test("sequence numbers: the next one, the same, a gap of up to half a round, or one that is behind", () => {
  const cases = [
    [0, 1, "next"],
    [255, 0, "next"],
    [7, 7, "again"],
    [0, 2, 1],
    [254, 0, 1],
    [0, 128, 127],
    [0, 129, 0],
    [0, 255, 0],
    [5, 4, 0],
    [200, 72, 127],
    [undefined, 1, "unknown"],
    [1, undefined, "unknown"],
    [undefined, undefined, "unknown"],
  ] as const;
  for (const [last, sequence, expected] of cases) {
    const step = typeof expected === "number" ? { kind: "gap", lost: expected } : { kind: expected };
    assert.deepEqual(sequenceStep(last, sequence), step, `${last} ${sequence}`);
  }
});

Deno.test("topics: of nodes and devices, those without measurements, and others", () => {
  for (const type of ["NBIRTH", "NDATA", "NDEATH"]) {
    assert.deepEqual(parseTopic(`spBv1.0/g/${type}/n`), { type, group: "g", node: "n", device: undefined });
  }
  for (const type of ["DBIRTH", "DDATA", "DDEATH"]) {
    assert.deepEqual(parseTopic(`spBv1.0/g/${type}/n/d`), { type, group: "g", node: "n", device: "d" });
  }
  const passed = ["STATE/host", "STATE", "spBv1.0/STATE/host", "spBv1.0/g/NCMD/n", "spBv1.0/g/DCMD/n/d"];
  for (const topic of passed) assert.equal(parseTopic(topic), undefined, topic);
  const none = (shown: string) =>
    `the topic "${shown}" is none of Sparkplug B, such as spBv1.0/GROUP/NDATA/NODE or ` +
    "spBv1.0/GROUP/DDATA/NODE/DEVICE";
  const others = ["", "spBv1.0", "spBv1.0/g", "spBv1.0/g/NDATA", "spBv1.0/g/NDATA/", "spBv1.0//NDATA/n"];
  others.push("spBv1.0/g/NDATA/n/d", "spBv1.0/g/DDATA/n", "spBv1.0/g/DDATA/n/", "spBv1.0/g/DDATA/n/d/e");
  others.push("spBv1.0/g/NDATA/n/d/e", "spAv1.0/g/NDATA/n", "spAv1.0/g/NCMD/n", "spBv1.0//NCMD/n");
  others.push("spBv1.0/g/NCMD/", "spBv1.0/g/OTHER/n", "other/STATE/host", "x".repeat(100));
  for (const topic of others) assert.equal(parseTopic(topic), none(topic), topic);
  assert.equal(parseTopic("x".repeat(101)), none(`${"x".repeat(100)}…`));
  assert.equal(parseTopic(undefined), "no topic, which says of whom a Sparkplug message is");
});
