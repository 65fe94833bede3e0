/** Plain records of JSON are read in place; of all others nothing is said but that they are none. */
import assert from "node:assert/strict";
import { PlainRecord } from "../../../src/codec/mapping/plain_record.ts";
import { FALSE, NOTHING, NULL, NUMBER, OTHER, TEXT, TRUE } from "../../../src/codec/mapping/record_slots.ts";
import { hashBytes } from "../../../src/event/text_hash.ts";

const to = (tokens: readonly string[]) => ({ text: `/${tokens.join("/")}`, tokens });
const BEFORE = "}}, ";

/** A reader of `/a`, `/b/c` and `/b/d/0`; the texts of the first are hashed. */
function reader() {
  const record = new PlainRecord();
  const pointers = [["a"], ["b", "c"], ["b", "d", "0"]];
  const slotNumbers = pointers.map((tokens) => record.slot(to(tokens)));
  const { slots } = record;
  slots.isHashed[slotNumbers[0]!] = 1;
  return {
    record,
    /** What each pointer leads to; undefined: the record is none of the plain ones. */
    read(text: string, after = " ") {
      const bytes = Buffer.from(BEFORE + text + after, "latin1");
      const end = record.scan(bytes, BEFORE.length);
      if (end < 0) {
        assert.equal(end, -1);
        return undefined;
      }
      assert.equal(end, BEFORE.length + text.length, text);
      return slotNumbers.map((slot) => {
        const kind = slots.kind[slot]!;
        if (kind === NUMBER) return slots.number[slot];
        if (kind !== TEXT) return KINDS[kind];
        if (slots.isHashed[slot] === 1) {
          assert.equal(slots.hash[slot], hashBytes(bytes, slots.start[slot]!, slots.length(slot)), text);
        }
        return `"${slots.text(slot)}"`;
      });
    },
    /** Whether the record read last had a shape that is remembered. */
    isKnown: () => slots.filledBy !== undefined,
  };
}
const KINDS: Readonly<Record<number, string>> = {
  [NOTHING]: "nothing",
  [TRUE]: "true",
  [FALSE]: "false",
  [NULL]: "null",
  [OTHER]: "other",
};

const nested = (depth: number, open: string, close: string, inside = "") =>
  `{"x":${open.repeat(depth - 1)}${inside}${close.repeat(depth - 1)}}`;
const PLAIN: readonly (readonly [string, readonly (string | number)[]])[] = [
  ["{}", ["nothing", "nothing", "nothing"]],
  ["{ \t\r\n}", ["nothing", "nothing", "nothing"]],
  ['{"a":"oven","b":{"c":1}}', ['"oven"', 1, "nothing"]],
  ['{"b":{"x":2,"c":"t"},"a":""}', ['""', '"t"', "nothing"]],
  ['{"a":true,"b":{"c":false}}', ["true", "false", "nothing"]],
  ['{"a":null,"b":null}', ["null", "nothing", "nothing"]],
  ['{"a":0,"b":{"c":-0.5}}', [0, -0.5, "nothing"]],
  ['{"a":9,"b":{"c":99e-1}}', [9, 9.9, "nothing"]],
  ['{"a":{},"b":{"c":[]}}', ["other", "other", "nothing"]],
  ['{"a":{"c":1},"b":{"c":[1,[2],{"c":3}]}}', ["other", "other", "nothing"]],
  ['{"b":{"d":{"0":7}}}', ["nothing", "nothing", 7]],
  ['{"c":1,"x":{"a":2,"b":{"c":3}}}', ["nothing", "nothing", "nothing"]],
  ['{"x":1,"x":2,"y":{"z":1,"z":2},"a":3}', [3, "nothing", "nothing"]],
  ['{"a":" !#[]~\x7f","b":{"c":"{\x7f"}}', ['" !#[]~\x7f"', '"{\x7f"', "nothing"]],
  ['{ "a" : [ 1 , "]" , true , [ ] , { } ] , "b" : { "c" : 4 } }', ["other", 4, "nothing"]],
  ['{"x":[[],[[]],[{}],null,-1,0,"t",false],"a":5}', [5, "nothing", "nothing"]],
  [nested(64, '{"x":', "}", "1"), ["nothing", "nothing", "nothing"]],
  [nested(64, "[", "]"), ["nothing", "nothing", "nothing"]],
];
const NOT_PLAIN = [
  ...[
    "",
    "[]",
    "1",
    '"a"',
    "{",
    "{]",
    "[}",
    '{"a"}',
    '{"a" 1}',
    '{"a":}',
    '{"a":1,}',
    '{"a":1 "b":2}',
    '{"a":1]',
    "{,}",
  ],
  ...[
    "{a:1}",
    "{1:1}",
    '{"a:1}',
    '{"a":"x}',
    '{"a":x}',
    '{"a":tru}',
    '{"a":xull}',
    '{"x":xull}',
    '{"a":Null}',
    '{"a":+1}',
    '{"a":-}',
    '{"a":.5}',
    '{"a":1.}',
  ],
  ...[
    '{"a":/}',
    '{"a"::}',
    '{"a\\u0041":1}',
    '{"a":"\\n"}',
    '{"a":"\x1f"}',
    '{"a":"\x80"}',
    '{"a":"\x81"}',
    '{"\x80":1}',
  ],
  ...[
    '{"x":[}',
    '{"x":[1}',
    '{"x":[1 2]}',
    '{"x":[1,]}',
    '{"x":[,1]}',
    '{"x":[1;2]}',
    '{"x":[x]}',
    '{"x":["\x80"]}',
  ],
  // Of a key that is there twice, the last one counts; a pointer may lead into an array.
  ...['{"a":1,"a":2}', '{"b":{},"b":{"c":1}}', '{"b":{"c":1,"c":1}}', '{"b":{"d":[7]}}', '{"b":[]}'],
  ...[nested(65, '{"x":', "}", "1"), nested(65, "[", "]"), nested(500, "[", "]")],
];

Deno.test("a plain record tells what each pointer leads to, whatever came before it", () => {
  const old = reader();
  for (let round = 0; round < 3; round++) {
    for (const [text, expected] of PLAIN) {
      for (const after of ["", " ", "]"]) {
        assert.deepEqual(reader().read(text, after), expected, text);
        assert.deepEqual(old.read(text, after), expected, text);
      }
    }
    for (const text of NOT_PLAIN) {
      assert.equal(reader().read(text), undefined, text);
      assert.equal(old.read(text), undefined, text);
    }
  }
});

Deno.test("a text is plain wherever a byte that is not stands in none of its words", () => {
  for (let at = 0; at < 9; at++) {
    for (const key of [true, false]) {
      const record = (byte: string) => {
        const text = `${"x".repeat(at)}${byte}${"x".repeat(8 - at)}`;
        return key ? `{"${text}":1,"a":2}` : `{"x":"${text}","a":2}`;
      };
      for (const byte of " ~\x7f'") assert.deepEqual(reader().read(record(byte))?.[0], 2);
      for (const byte of ["\x00", "\x1f", "\x80", "\xff", "\\"]) {
        assert.equal(reader().read(record(byte)), undefined);
      }
    }
  }
});

Deno.test("pointers to one value share its slot, and one may lead through the other's", () => {
  const record = new PlainRecord();
  const [a, ab, again] = [["a"], ["a", "b"], ["a"]].map((tokens) => record.slot(to(tokens)));
  const [ax, bx] = [record.slot(to(["ax"])), record.slot(to(["bx"]))];
  assert.equal(again, a);
  assert.equal(new Set([a, ab, ax, bx]).size, 4);
  record.scan(Buffer.from('{"a":{"b":1},"ax":2,"bx":3}'), 0);
  const { kind, number } = record.slots;
  assert.equal(kind[a!], OTHER);
  assert.deepEqual([ab, ax, bx].map((slot) => number[slot!]), [1, 2, 3]);
});

/** A record of the shape with this number. */
const shaped = (shape: number, a: number | string) => `{"x${shape}":true,"a":${a},"b":{"c":"${shape}"}}`;

Deno.test("the shape of the first record is remembered, then that of each sixteenth without a known one", () => {
  const { read, isKnown } = reader();
  const isKnownOf = (shape: number) => {
    assert.deepEqual(read(shaped(shape, 7)), [7, `"${shape}"`, "nothing"]);
    return isKnown();
  };
  assert.equal(isKnownOf(0), false);
  for (let i = 0; i < 5; i++) assert.equal(isKnownOf(0), true);
  for (let i = 1; i <= 16; i++) assert.equal(isKnownOf(1), false, `${i}`);
  for (let i = 0; i < 5; i++) assert.deepEqual([isKnownOf(1), isKnownOf(0)], [true, true]);
  for (const word of ["false", "null", "true"]) {
    assert.deepEqual(read(shaped(0, 7).replace("true", word)), [7, '"0"', "nothing"]);
    assert.equal(isKnown(), true, word);
  }
  // A value of another kind makes another shape; it is read all the same.
  assert.deepEqual(read(shaped(0, '"t"')), ['"t"', '"0"', "nothing"]);
  assert.equal(isKnown(), false);
});

Deno.test("four shapes are remembered; one more replaces the one after the last that was met", () => {
  const { read, isKnown } = reader();
  const know = (shape: number) => {
    for (let i = 0; i < 40; i++) {
      assert.deepEqual(read(shaped(shape, i)), [i, `"${shape}"`, "nothing"]);
      if (isKnown()) return;
    }
    assert.fail(`shape ${shape} is never known`);
  };
  for (let shape = 0; shape < 4; shape++) know(shape);
  const known = (shapes: readonly number[]) =>
    shapes.filter((shape) => {
      read(shaped(shape, 1));
      return isKnown();
    });
  assert.deepEqual(known([0, 1, 2, 3]), [0, 1, 2, 3]);
  know(1);
  know(4);
  assert.deepEqual(known([0, 1, 2, 3, 4]), [0, 1, 3, 4]);
  know(3);
  know(5);
  assert.deepEqual(known([1, 3, 4, 5]), [1, 3, 4, 5]);
});
