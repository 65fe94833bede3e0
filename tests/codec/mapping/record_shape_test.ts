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
