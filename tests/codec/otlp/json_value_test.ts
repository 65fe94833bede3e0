import assert from "node:assert/strict";
import { itemsIn, jsonIn, listIn, numberIn, objectIn, textIn } from "../../../src/codec/otlp/json_value.ts";
import { LateMessages } from "../../../src/codec/protobuf/message_schema.ts";
import { PushError } from "../../../src/codec/push_error.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** What comes of it, or the status and message of its fault. */
function outcomeOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    assert.ok(error instanceof PushError, `${error}`);
    return `${error.status} ${error.message}`;
  }
}

Deno.test("a body of JSON is read, or says what is wrong with it", () => {
  assert.deepEqual(jsonIn(bytesOf('{"a":[1,"ü"]}')), { a: [1, "ü"] });
  assert.equal(outcomeOf(() => jsonIn(Uint8Array.of(0x22, 0xff, 0x22))), "400 the body is not UTF-8");
  assert.match(`${outcomeOf(() => jsonIn(bytesOf("{")))}`, /^400 the body is not JSON: ./);
  assert.ok(`${outcomeOf(() => jsonIn(bytesOf("x".repeat(5000))))}`.length <= 230);
});

Deno.test("a body of JSON has so many parts and bytes at most; what stands in texts is none", () => {
  const parts = "413 the body has more than 3000000 parts; send several requests";
  const list = (commas: number) => new Uint8Array(commas + 3).fill(0x2c).with(0, 0x5b).with(commas + 2, 0x5d);
  // Not JSON, since there is nothing between the commas, and so no memory is taken for what is there.
  assert.match(`${outcomeOf(() => jsonIn(list(2_999_998)))}`, /^400 the body is not JSON/);
  assert.equal(outcomeOf(() => jsonIn(list(2_999_999))), parts);
  for (const mark of ["[", "{", ","]) {
    const body = new Uint8Array(3_000_001).fill(mark.charCodeAt(0));
    assert.equal(outcomeOf(() => jsonIn(body)), parts, mark);
  }
  const text = new Uint8Array(3_100_000).fill(0x2c).with(0, 0x22).with(3_099_999, 0x22);
  assert.equal((jsonIn(text) as string).length, 3_099_998);
  const escaped = text.with(1, 0x5c).with(2, 0x22);
  assert.equal((jsonIn(escaped) as string).length, 3_099_997);
  // Without its backslash, the quote would end the text, and the commas behind it would be parts.
  const backslashes = text.with(1, 0x5c).with(2, 0x5c).with(3, 0x5c).with(4, 0x22);
  assert.equal((jsonIn(backslashes) as string).length, 3_099_996);
  const long = new Uint8Array(16 * 1024 * 1024).fill(0x20).with(0, 0x31);
  assert.equal(jsonIn(long), 1);
  assert.equal(
    outcomeOf(() => jsonIn(new Uint8Array(long.length + 1))),
    "413 a body of JSON may have 16 MiB at most; send several requests, or protobuf",
  );
});

Deno.test("parts of a request are what they should be, left out or null; anything else is refused", () => {
  const object = { a: 1 };
  const list = [1];
  const late = new LateMessages(function* () {});
  const cases: readonly (readonly [(value: unknown, name: string) => unknown, unknown, unknown])[] = [
    [objectIn, undefined, {}],
    [objectIn, null, {}],
    [objectIn, object, object],
    [objectIn, list, "400 it is not an object"],
    [objectIn, "a", "400 it is not an object"],
    [listIn, undefined, []],
    [listIn, null, []],
    [listIn, list, list],
    [listIn, object, "400 it is not an array"],
    [listIn, "a", "400 it is not an array"],
    [itemsIn, list, list],
    [itemsIn, late, late],
    [itemsIn, object, "400 it is not an array"],
    [textIn, undefined, ""],
    [textIn, null, ""],
    [textIn, "a", "a"],
    [textIn, 1, "400 it is not a text"],
    [numberIn, undefined, 0],
    [numberIn, null, 0],
    [numberIn, 1.5, 1.5],
    [numberIn, "-12.5e-3", -0.0125],
    [numberIn, "NaN", NaN],
    [numberIn, "Infinity", Infinity],
    [numberIn, "-Infinity", -Infinity],
    [numberIn, "", "400 it is not a number"],
    [numberIn, "1.", "400 it is not a number"],
    [numberIn, "0x1", "400 it is not a number"],
    [numberIn, "1e1000", "400 it is not a number"],
    [numberIn, "1".repeat(401), "400 it is not a number"],
    [numberIn, true, "400 it is not a number"],
    [numberIn, [1], "400 it is not a number"],
  ];
  for (const [read, value, expected] of cases) {
    assert.deepEqual(outcomeOf(() => read(value, "it")), expected, `${read.name} ${value}`);
  }
});
