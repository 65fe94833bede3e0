import assert from "node:assert/strict";
import { WireReader } from "../../../src/codec/protobuf/wire_reader.ts";
import { lengthField, varintField } from "../../../src/codec/protobuf/wire_writer.ts";
import { Metric } from "../../../src/codec/sparkplug/metric.ts";
import { PushError } from "../../../src/codec/push_error.ts";

const [NAME, ALIAS, TIMESTAMP, TYPE, IS_HISTORICAL, IS_TRANSIENT, IS_NULL, METADATA, PROPERTIES] = [
  1,
  2,
  3,
  4,
  5,
  6,
  7,
  8,
  9,
];
const [KEYS, VALUES] = [1, 2];
const [DOUBLE, BOOLEAN] = [10, 11];

const textField = (field: number, text: string) => lengthField(field, new TextEncoder().encode(text));
const numberField = (field: number, bytes: number, set: (view: DataView) => void) => {
  const view = new DataView(new ArrayBuffer(bytes));
  set(view);
  return Uint8Array.of(field << 3 | (bytes === 8 ? 1 : 5), ...new Uint8Array(view.buffer));
};
const floatField = (field: number, value: number) =>
  numberField(field, 4, (view) => view.setFloat32(0, value, true));
const doubleField = (field: number, value: number) =>
  numberField(field, 8, (view) => view.setFloat64(0, value, true));
const joined = (parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

function read(fields: readonly Uint8Array[], metric = new Metric(), wanted: readonly string[] = []): Metric {
  metric.read(new WireReader(joined(fields), "metric"), new Set(wanted));
  return metric;
}

/** What is read of the property `p`. */
function property(...fields: Uint8Array[]) {
  const set = [textField(KEYS, "p"), lengthField(VALUES, joined(fields))];
  return read([lengthField(PROPERTIES, joined(set))], new Metric(), ["p"]).properties?.get("p");
}

Deno.test("a metric has nothing of the one that was read before it", () => {
  const metric = new Metric();
  const set = [
    textField(KEYS, "p"),
    lengthField(VALUES, joined([varintField(1, BOOLEAN), varintField(7, 1)])),
  ];
  const flags = [IS_HISTORICAL, IS_TRANSIENT, IS_NULL].map((field) => varintField(field, 1));
  const numbers = [varintField(ALIAS, 7), varintField(TIMESTAMP, 5), varintField(TYPE, DOUBLE)];
  const properties = lengthField(PROPERTIES, joined(set));
  read([textField(NAME, "a"), ...numbers, ...flags, properties, doubleField(13, 1.5)], metric, ["p"]);
  assert.deepEqual({ ...metric }, {
    name: "a",
    alias: 7,
    timeMs: 5,
    type: DOUBLE,
    isHistorical: true,
    isTransient: true,
    isNull: true,
    wire: { field: "decimal", value: 1.5 },
    properties: new Map([["p", { type: BOOLEAN, wire: { field: "boolean", value: true } }]]),
  });
  read([], metric, ["p"]);
  assert.deepEqual({ ...metric }, {
    name: undefined,
    alias: undefined,
    timeMs: undefined,
    type: 0,
    isHistorical: false,
    isTransient: false,
    isNull: false,
    wire: undefined,
    properties: undefined,
  });
});

Deno.test("the field of a value says of which kind it is; other fields are no value", () => {
  const cases: readonly (readonly [Uint8Array, unknown])[] = [
    [varintField(10, 5), { field: "integer", value: 5 }],
    [varintField(11, 6), { field: "integer", value: 6 }],
    [floatField(12, 1.5), { field: "decimal", value: 1.5 }],
    [doubleField(13, 2.5), { field: "decimal", value: 2.5 }],
    [varintField(14, 1), { field: "boolean", value: true }],
    [varintField(14, 0), { field: "boolean", value: false }],
    [textField(15, "a"), { field: "text", value: "a" }],
    ...[16, 17, 18, 19].map((field) => [textField(field, "a"), { field: "other" }] as const),
    [textField(20, "a"), undefined],
    [textField(METADATA, "a"), undefined],
  ];
  for (const [i, [field, expected]] of cases.entries()) {
    assert.deepEqual(read([field]).wire, expected, `${i}`);
  }
});

Deno.test("the field of a property's value says of which kind it is", () => {
  const cases: readonly (readonly [Uint8Array, unknown])[] = [
    [varintField(3, 5), { field: "integer", value: 5 }],
    [varintField(4, 6), { field: "integer", value: 6 }],
    [floatField(5, 1.5), { field: "decimal", value: 1.5 }],
    [doubleField(6, 2.5), { field: "decimal", value: 2.5 }],
    [varintField(7, 1), { field: "boolean", value: true }],
    [textField(8, "a"), { field: "text", value: "a" }],
  ];
  for (const [i, [field, wire]] of cases.entries()) {
    assert.deepEqual(property(field), { type: 0, wire }, `${i}`);
  }
  for (const field of [9, 10]) {
    assert.equal(property(textField(field, "a")), undefined, "properties of its own");
  }
});

Deno.test("a property that is null, or has no value, is none", () => {
  const value = textField(8, "a");
  assert.equal(property(value, varintField(2, 1)), undefined);
  assert.deepEqual(property(value, varintField(2, 0)), { type: 0, wire: { field: "text", value: "a" } });
  assert.equal(property(varintField(1, DOUBLE)), undefined);
  const set = [textField(KEYS, "p"), lengthField(VALUES, varintField(1, DOUBLE))];
  assert.equal(read([lengthField(PROPERTIES, joined(set))], new Metric(), ["p"]).properties, undefined);
});

Deno.test("the properties that are wanted are read, each by its key, whatever else is among them", () => {
  const keys = ["a", "b", "c"].map((key) => textField(KEYS, key));
  const values = ["1", "2", "3"].map((text) => lengthField(VALUES, textField(8, text)));
  const set = [textField(3, "unknown"), ...keys, varintField(4, 1), ...values];
  const { properties } = read([lengthField(PROPERTIES, joined(set))], new Metric(), ["a", "c"]);
  assert.deepEqual([...properties!].map(([key, { wire }]) => [key, "value" in wire && wire.value]), [
    ["a", "1"],
    ["c", "3"],
  ]);
});

Deno.test("a name, a text or a key that is not UTF-8 is a fault of the whole message", () => {
  const bad = Uint8Array.of(0xff);
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ["a name", lengthField(NAME, bad)],
    ["a text", lengthField(15, bad)],
    ["a key", lengthField(PROPERTIES, lengthField(KEYS, bad))],
  ];
  for (const [what, field] of cases) {
    assert.throws(() => read([field]), (error) => {
      assert.ok(error instanceof PushError);
      assert.match(error.message, new RegExp(`there is ${what} that is not UTF-8 at byte \\d`));
      return true;
    });
  }
});
