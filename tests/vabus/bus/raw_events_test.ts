import assert from "node:assert/strict";
import fc from "../../support/fast_check.ts";
import { NotAnArrayError, splitArray } from "../../../src/vabus/bus/raw_events.ts";

function split(body: string): string[] {
  const { bytes, ends } = splitArray(new TextEncoder().encode(body));
  const starts = [0, ...[...ends].map((end) => end + 1)];
  return [...ends].map((end, i) => new TextDecoder().decode(bytes.subarray(starts[i], end)));
}

Deno.test("elements keep every byte that was sent", () => {
  const elements = [
    '{"value":1e400,"name":"a","name":"b"}',
    '{ "name" : "spaced" }',
    "-0.000000000000000000000000000000001",
    "123456789012345678901234567890",
    '"],[}{\\\\\\"\\u0022 ä 😀"',
    '"\\\\"',
    "null",
    "[[],[[{}]]]",
    "{}",
    '""',
  ];
  assert.deepEqual(split(`[${elements.join(",")}]`), elements);
  assert.deepEqual(split(` \r\n[\t${elements.join("\n , ")} ]\n`), elements);
});

Deno.test("an empty array has no elements", () => {
  assert.deepEqual(split("[]"), []);
  assert.deepEqual(split(" [ \n ] "), []);
});

Deno.test("whatever JSON.stringify writes is split where it was joined", () => {
  fc.assert(fc.property(fc.array(fc.jsonValue()), fc.constantFrom(undefined, 2), (values, indent) => {
    const texts = values.map((value) => JSON.stringify(value, undefined, indent));
    assert.deepEqual(split(`[${texts.join(",")}]`), texts);
  }));
});

Deno.test("nesting has no depth that breaks it", () => {
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  assert.deepEqual(split(`[${deep},1]`), [deep, "1"]);
});

for (
  const body of [
    "",
    "{}",
    "1",
    '"[]"',
    "null",
    "[",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1]]",
    "[1][2]",
    '["a]',
    "[01]",
    "[}]",
  ]
) {
  Deno.test(`${JSON.stringify(body)} is no array`, () => {
    assert.throws(() => split(body), NotAnArrayError);
  });
}

Deno.test("what is not UTF-8 is refused", () => {
  assert.throws(() => splitArray(new Uint8Array([0x5b, 0x22, 0xff, 0x22, 0x5d])), NotAnArrayError);
});
