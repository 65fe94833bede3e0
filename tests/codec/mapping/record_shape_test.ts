/** Records of one shape are found without a walk over them; of all others the shape has nothing to say. */
import assert from "node:assert/strict";
import { RecordShape } from "../../../src/codec/mapping/record_shape.ts";
import {
  FALSE,
  NULL,
  NUMBER,
  RecordSlots,
  TEXT,
  TRUE,
  UNUSED,
} from "../../../src/codec/mapping/record_slots.ts";
import { Words } from "../../../src/codec/words.ts";
import { hashBytes } from "../../../src/event/text_hash.ts";

const slots = new RecordSlots();
const [NAME, VALUE, IS_ON] = [slots.add(), slots.add(), slots.add()];
const FIRST = '[{"name":"oven","value":1,"is_on":true,"other":"text"}]';

function shape(): RecordShape {
  const range = (part: string) => ({ start: FIRST.indexOf(part), end: FIRST.indexOf(part) + part.length });
  return new RecordShape(
    new Words(new TextEncoder().encode(FIRST)),
    1,
    FIRST.length - 1,
    [
      { kind: TEXT, slot: NAME, ...range("oven") },
      { kind: NUMBER, slot: VALUE, ...range("1") },
      { kind: TRUE, slot: IS_ON, ...range("true") },
      { kind: TEXT, slot: UNUSED, ...range("text") },
    ],
    Uint8Array.of(TEXT, TEXT, NUMBER, TRUE),
    Uint8Array.of(0, 1, 0, 0),
  );
}

/** Of a record in a reply; undefined: it has another shape. */
function found(record: string, before = "[", after = "]") {
  const bytes = new TextEncoder().encode(before + record + after);
  slots.bytes = bytes;
  const end = shape().scan(slots, new Words(bytes), before.length);
  if (end < 0) return undefined;
  assert.equal(end, bytes.length - after.length);
  assert.equal(slots.hash[NAME], hashBytes(bytes, slots.start[NAME]!, slots.length(NAME)));
  return [slots.text(NAME), slots.number[VALUE], slots.kind[IS_ON]];
}

Deno.test("texts, numbers and words differ in records of one shape", () => {
  const record = (name: string, value: string, isOn: string) =>
    `{"name":"${name}","value":${value},"is_on":${isOn},"other":""}`;
  assert.deepEqual(found(record("oven", "1", "true")), ["oven", 1, TRUE]);
  assert.deepEqual(found(record("a much longer name", "-12.75", "false"), ""), [
    "a much longer name",
    -12.75,
    FALSE,
  ]);
  assert.deepEqual(found(record("", "9007199254740993", "null"), "[[[", ""), ["", 9007199254740992, NULL]);
  assert.deepEqual(found(record("x", "0.1234567890123456789012345", "null"))?.[1], 0.12345678901234568);
  assert.ok(Object.is(found(record("x", "-0", "true"))?.[1], -0));
});

Deno.test("whatever else differs is another shape", () => {
  const others = [
    '{"name":"oven","value":"1","is_on":true,"other":"text"}',
    '{"name":7,"value":1,"is_on":true,"other":"text"}',
    '{"name":"oven","value":1e3,"is_on":true,"other":"text"}',
    '{"name":"oven","value":01,"is_on":true,"other":"text"}',
    '{"name":"oven","value":1.,"is_on":true,"other":"text"}',
    '{"name":"oven","value":-,"is_on":true,"other":"text"}',
    '{"name":"oven","value":1,"is_on":tru,"other":"text"}',
    '{"name":"oven","value":1,"is_on":1,"other":"text"}',
    '{"name":"oven","value":1,"is_on":xull,"other":"text"}',
    '{"name":"oven","value": 1,"is_on":true,"other":"text"}',
    '{"name":"\\u006e","value":1,"is_on":true,"other":"text"}',
    '{"name":"öfen","value":1,"is_on":true,"other":"text"}',
    '{"name":"a\tb","value":1,"is_on":true,"other":"text"}',
    '{"name":"oven","value":1,"is_on":true,"other":"text","more":1}',
    '{"name":"oven","value":1,"is_on":true}',
    '{"name":"oven","valve":1,"is_on":true,"other":"text"}',
    '{"name":"oven","value":1,"is_on":true,"other":"text"',
    '{"name":"oven"',
    "",
  ];
  for (const other of others) assert.equal(found(other, "[", ""), undefined, other);
});

/** The text and the number of a record that ends with its number, among other bytes. */
function foundAtEnd(text: string, number: string, before: string, after: string) {
  const first = '{"a":"x","v":1}';
  const one = new RecordShape(
    new Words(new TextEncoder().encode(first)),
    0,
    first.length,
    [{ kind: TEXT, slot: NAME, start: 6, end: 7 }, { kind: NUMBER, slot: VALUE, start: 13, end: 14 }],
    Uint8Array.of(TEXT, TEXT, NUMBER, TRUE),
    Uint8Array.of(0, 1, 0, 0),
  );
  const bytes = new TextEncoder().encode(`${before}{"a":"${text}","v":${number}}${after}`);
  slots.bytes = bytes;
  const end = one.scan(slots, new Words(bytes), before.length);
  if (end < 0) return undefined;
  assert.equal(end, bytes.length - after.length);
  assert.equal(slots.hash[NAME], hashBytes(bytes, slots.start[NAME]!, slots.length(NAME)));
  return [slots.text(NAME), slots.number[VALUE]];
}

Deno.test("texts and numbers of any length are found, wherever they stand and whatever lies behind", () => {
  const digits = "918273645546372819";
  const numbers = [..."0123456789"];
  for (let whole = 1; whole <= digits.length; whole++) {
    numbers.push(digits.slice(0, whole), `-${digits.slice(0, whole)}`);
    for (const decimals of [1, 2, 3, 4, 5, 9]) {
      numbers.push(`${digits.slice(0, whole)}.${digits.slice(0, decimals)}`);
    }
  }
  numbers.push(`0.${"0".repeat(21)}5`, `0.${"0".repeat(22)}5`, "9007199254740991.0", "9007199254740993.5");
  for (const [i, number] of numbers.entries()) {
    const text = "abcdefghi".slice(0, i % 10);
    for (const [before, after] of [["", ""], ["[", "]"], ["[ ", ",1]"], ["[1,", "9999"]] as const) {
      assert.deepEqual(foundAtEnd(text, number, before, after), [text, Number(number)], `${number}${after}`);
    }
  }
  assert.deepEqual(foundAtEnd("", "9".repeat(400), "", ""), ["", NaN]);
});

Deno.test("a text with a byte that is not plain is no text of a shape, wherever the byte stands", () => {
  for (const byte of ["\\", "\u001f", "\n", "\0", "\u0080", "ä"]) {
    for (let length = 0; length < 9; length++) {
      for (const rest of ["", "xyzxyzxyz"]) {
        const text = "a".repeat(length) + byte + rest;
        assert.equal(foundAtEnd(text, "1", "", ""), undefined, JSON.stringify(text));
        assert.equal(found(`{"name":"n","value":1,"is_on":true,"other":"${text}"}`), undefined);
      }
    }
  }
  for (const byte of [" ", "!", "[", "~", "\x7f"]) {
    assert.deepEqual(foundAtEnd(`abc${byte}`, "1", "", ""), [`abc${byte}`, 1]);
    assert.deepEqual(found(`{"name":"${byte}","value":1,"is_on":true,"other":"${byte}"}`)?.[0], byte);
  }
});
