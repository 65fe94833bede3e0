import assert from "node:assert/strict";
import { readEvent } from "../../src/codec/event_check.ts";
import { jsonFault } from "../../src/codec/json_fault.ts";

Deno.test("a decimal comma is named with its position", () => {
  const text = '{"name":"a","value":1,5,"timestamp":1}';
  assert.equal(readEvent(text), "not JSON: a decimal comma, at character 22; JSON has decimal points");
  assert.equal(text[22 - 1], ",");
  assert.match(jsonFault('{"value": -12,25}'), /at character 14;/);
  assert.match(jsonFault('{"a:1,5":"\\":1,5","value":\t7,0}'), /at character 29;/);
});

Deno.test("what is no decimal comma is not called one", () => {
  for (
    const text of [
      "",
      "hot",
      '{"value":NaN,"a":1}',
      '{"note":"x:1,5","value":NaN}',
      '{"value":1,}',
      '{"list":[1,5],"value":NaN}',
      '{"value":1.5,5}',
      '"',
      '"\\',
    ]
  ) assert.equal(jsonFault(text), "not JSON", text);
});

Deno.test("a long text of quotes and colons takes one look", () => {
  assert.equal(jsonFault('"\\"'.repeat(300_000) + ":".repeat(300_000) + " ".repeat(300_000)), "not JSON");
});
