import assert from "node:assert/strict";
import { isSpace, JsonBytes, ReplyFormatError } from "../../src/codec/json_bytes.ts";

const jsonOf = (text: string) => new JsonBytes(Buffer.from(text, "latin1"));
const CUT_OFF = (text: string) => `the reply is cut off after ${text.length} bytes`;
const NOT_JSON = (at: number) => `the reply is not JSON in UTF-8 (at byte ${at})`;

/** Where something ends, or why it does not. */
function endOf(work: () => number): number | string {
  try {
    return work();
  } catch (error) {
    assert.ok(error instanceof ReplyFormatError);
    return error.message;
  }
}

Deno.test("a value ends where its quotes and brackets close, or before what cannot belong to it", () => {
  // The value begins at the angle bracket on the left and ends at the one on the right.
  const cases = [
    'x<"a">,',
    '<"a">"b"',
    '<"">,"b"',
    '<"a\\"b">',
    '<"a\\\\">"',
    '<"{[,:">x',
    '<{"a":1}>,',
    "<{}>}",
    "<[]>]",
    "<[1,[2,{}],3]>,4]",
    '<{"a":"}"}>}',
    "<[}>]",
    "<12>,3",
    "<12>:3",
    "<12> 3",
    "<12>\t",
    "<12>\n",
    "<12>\r",
    "<12>]",
    "<12>}",
    "<12>",
    "<>,",
    "<>",
    "<tru>\u0020e",
    "<1\v2>,",
    '<1"a">2',
  ];
  for (const text of cases) {
    const start = text.indexOf("<");
    const content = text.slice(0, start) + text.slice(start + 1);
    const end = content.indexOf(">");
    const json = content.slice(0, end) + content.slice(end + 1);
    assert.equal(endOf(() => jsonOf(json).endOfValue(start)), end, text);
  }
  for (const text of ["[", "{", '{"a":1', "[1,{}", '"a', '"a\\"', '"', '["a]', "[[]"]) {
    assert.equal(endOf(() => jsonOf(text).endOfValue(0)), CUT_OFF(text), text);
  }
});

Deno.test("an element ends at the comma or bracket behind it that is not in it", () => {
  const cases = [
    "<1>,2",
    "<1 >]",
    "x<>]",
    "<>,",
    '<"a,]">,',
    '<"">,"b"',
    '<"a\\",">]',
    "<{1,2}>,",
    "<[1,2]>]",
    "<[1,{2,[3,4]}]>,5]",
    "<[1}>,",
    "<{1] {2} >]",
    "<1:2>,",
    '<{"a":"]"} >]',
  ];
  for (const text of cases) {
    const start = text.indexOf("<");
    const json = text.replace("<", "").replace(">", "");
    const end = text.indexOf(">") - 1;
    assert.equal(endOf(() => jsonOf(json).endOfElement(start)), end, text);
  }
  for (const text of ["", "1", "[", "[1,2]", "{1,2", '"a],', '["a",']) {
    assert.equal(endOf(() => jsonOf(text).endOfElement(0)), CUT_OFF(text), text);
  }
  assert.equal(endOf(() => jsonOf("1}],").endOfElement(0)), NOT_JSON(1));
  assert.equal(endOf(() => jsonOf("{}}],").endOfElement(0)), NOT_JSON(2));
});

Deno.test("text is what is UTF-8, whatever the bytes around it are", () => {
  const bytes = Buffer.from([0x61, 0xc3, 0xbc, 0x62, 0xff, 0x63]);
  const json = new JsonBytes(bytes);
  assert.equal(json.textBetween(0, 4), "aüb");
  assert.equal(json.textBetween(5, 6), "c");
  assert.equal(json.textBetween(0, 2), undefined);
  assert.equal(json.textBetween(3, 5), undefined);
  const sound = new JsonBytes(bytes.subarray(0, 4));
  assert.equal(sound.textBetween(1, 3), "ü");
  assert.equal(sound.text(0, 3), "aü");
});

Deno.test("space is what JSON calls so, before a part and behind it", () => {
  for (let byte = 0; byte < 256; byte++) {
    assert.equal(isSpace(byte), [0x20, 0x09, 0x0a, 0x0d].includes(byte), `${byte}`);
  }
  assert.equal(isSpace(undefined), false);
  const json = jsonOf(" \t\r\n1 2\t\n");
  const lengths = [[0, 4], [3, 4], [4, 4], [5, 6], [7, 9], [9, 9]] as const;
  for (const [start, end] of lengths) assert.equal(json.afterSpace(start), end);
  assert.deepEqual([json.withoutSpace(0, 9), json.withoutSpace(0, 6), json.withoutSpace(0, 5)], [7, 5, 5]);
  assert.deepEqual([json.withoutSpace(0, 4), json.withoutSpace(2, 4), json.withoutSpace(2, 2)], [0, 2, 2]);
});

Deno.test("a fault is said to be at its byte, or where the reply is cut off", () => {
  const json = jsonOf("abc");
  assert.equal(json.malformed(2).message, NOT_JSON(2));
  assert.equal(json.malformed(3).message, CUT_OFF("abc"));
});
