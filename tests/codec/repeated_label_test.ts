import assert from "node:assert/strict";
import { hasLabelTwice } from "../../src/codec/repeated_label.ts";

Deno.test("a label that is there twice is found among all that an event may hold", () => {
  const cases: readonly (readonly [string, boolean])[] = [
    ['{"labels":{"a":"1"}}', false],
    ['{"labels":{"a":"1","b":"2"}}', false],
    ['{"labels":{"a":"1","a":"1"}}', true],
    ['{"labels":{"a":"1","b":"2","a":"3"}}', true],
    ['{"labels":{"a":"1","\\u0061":"2"}}', true],
    ['{"lab\\u0065ls":{"a":"1","a":"2"}}', true],
    ['{"labels":{"":"1","":"2"}}', true],
    ['{"labels":{"a:a":"b:c{","b":"}:\\":\\\\"}}', false],
    ['{"labels":{"a\\"":"1","a\\\\":"2"}}', false],
    [' { "labels" : { "a" : "1" , "a" : "2" } } ', true],
    // The last of several fields counts.
    ['{"labels":{"a":"1","a":"1"},"labels":{"a":"1"}}', false],
    ['{"labels":{"a":"1"},"labels":{"a":"1","a":"1"}}', true],
    ['{"labels":{"a":"1"},"more":{"a":"1","a":"1"}}', false],
    ['{"more":{"a":"1","b":"1"},"labels":{"a":"1"}}', false],
    ['{"labels":{"a":"1"},"more":[{"a":"1","b":{"c":"1"}}]}', false],
    ['{"more":[{"labels":{"a":"1"}}],"labels":{"a":"1","b":"2"}}', false],
    ['{"value":1,"labels":{"a":"1"},"name":"x:{"}', false],
  ];
  for (const [text, isTwice] of cases) assert.equal(hasLabelTwice(text, JSON.parse(text)), isTwice, text);
});
