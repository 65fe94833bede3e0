import assert from "node:assert/strict";
import { EventScanner } from "../../src/codec/event_scanner.ts";
import { JsonBytes } from "../../src/codec/json_bytes.ts";
import { EventBatch } from "../../src/event/event_batch.ts";
import { canonicalLabels, seriesKey } from "../../src/event/labels.ts";
import { hashBytes } from "../../src/event/text_hash.ts";
import { plain, ROOM } from "./plain.ts";

const labelled = (labels: string, name = "n", room = ROOM) =>
  plain(`{"name":"${name}","value":1,"timestamp":1,"labels":${labels}}`, room)?.name;

/** An exclamation mark comes before the quote that ends a shorter key. */
const KEYS = ["", "a", "a!", "ab", "b"];
function permutations(keys: readonly string[]): string[][] {
  if (keys.length === 0) return [[]];
  return keys.flatMap((key) =>
    permutations(keys.filter((other) => other !== key)).map((rest) => [key, ...rest])
  );
}

Deno.test("labels in place: the series is the same whatever order they come in", () => {
  for (let count = 0; count <= KEYS.length; count++) {
    for (const keys of permutations(KEYS.slice(0, count))) {
      const labels = Object.fromEntries(keys.map((key) => [key, `v${key}`]));
      const text = `{${keys.map((key) => `"${key}":"v${key}"`)}}`;
      assert.equal(labelled(text), seriesKey("n", canonicalLabels(labels)), text);
    }
  }
});

Deno.test("labels in place: texts of any length are copied whole, also at the end of the bytes", () => {
  for (let length = 0; length < 10; length++) {
    const text = "0123456789".slice(0, length);
    for (let room = 0; room < 8; room++) {
      for (const labels of [{ a: text, b: "c" }, { [`k${text}`]: "v" }]) {
        for (const entries of [Object.entries(labels), Object.entries(labels).toReversed()]) {
          const json = `{${entries.map(([key, value]) => `"${key}":"${value}"`)}}`;
          const name = `name${text}`;
          assert.equal(
            labelled(json, name, " ".repeat(room)),
            seriesKey(name, canonicalLabels(labels)),
            json,
          );
        }
      }
    }
  }
});

Deno.test("labels in place: at most 32 of them, and 2048 bytes with the name", () => {
  const pairs = (count: number) => `{${Array.from({ length: count }, (_, i) => `"k${10 + i}":""`)}}`;
  assert.equal(labelled(pairs(32)), `n\0${pairs(32)}`);
  assert.equal(labelled(pairs(33)), undefined);
  const long = (length: number) => `{"a":"${"x".repeat(length)}"}`;
  assert.equal(labelled(long(2046)), `n\0${long(2046)}`);
  assert.equal(labelled(long(2047)), undefined);
  assert.equal(labelled(long(2046), "nn"), undefined);
});

Deno.test("labels in place: a key that is there twice, or a text that is not plain, is left to the slow path", () => {
  const twice = [
    '{"a":"1","a":"1"}',
    '{"a":"1","b":"1","a":"1"}',
    '{"b":"1","a":"1","b":"2"}',
    '{"":"1","":"1"}',
  ];
  for (const text of twice) assert.equal(labelled(text), undefined, text);
  for (const byte of [" ", "!", "#", "[", "]", "~"]) {
    assert.equal(labelled(`{"${byte}":"x${byte}"}`), `n\0{"${byte}":"x${byte}"}`);
  }
  for (const byte of ["\x00", "\x1f", "\x7f", "\x80", "\xff", "\\", '"']) {
    assert.equal(labelled(`{"a${byte}":"1"}`), undefined, JSON.stringify(byte));
    assert.equal(labelled(`{"a":"${byte}1"}`), undefined, JSON.stringify(byte));
  }
});

Deno.test("labels in place: what is no object of texts is left to the slow path", () => {
  const others = [
    "null",
    '"a"',
    "[]",
    '["a"]',
    "{",
    '{"a"',
    '{"a"}',
    '{"a":}',
    '{"a":1}',
    '{a:"1"}',
    '{"a":"1",}',
  ];
  others.push(
    '{,"a":"1"}',
    '{"a":"1";"b":"2"}',
    '{"a"="1"}',
    '{"a":"1"]',
    '{"a":"1""b":"2"}',
    '{"a":{"b":"c"}}',
  );
  for (const text of others) assert.equal(labelled(text), undefined, text);
});

Deno.test("labels in place: many events of one reply have their texts one behind the other", () => {
  const events = Array.from({ length: 200 }, (_, i) => {
    const labels = { a: "x".repeat(i % 23), b: `${i}` };
    const order = i % 2 === 0 ? ["a", "b"] as const : ["b", "a"] as const;
    const json = `{${order.map((key) => `"${key}":"${labels[key]}"`)}}`;
    return {
      key: `n${i}\0${canonicalLabels(labels)}`,
      json: `{"name":"n${i}","value":1,"timestamp":1,"labels":${json}}`,
    };
  });
  const bytes = Buffer.from(events.map(({ json }) => json).join(""));
  const many = new EventBatch();
  many.reset(bytes);
  const scanner = new EventScanner(new JsonBytes(bytes), many);
  let at = 0;
  for (const [i, { key }] of events.entries()) {
    many.reserve();
    at = scanner.scanPlain(at);
    const [start, length] = [~many.nameStart[i]!, many.nameLength[i]!];
    assert.equal(Buffer.from(many.extra.subarray(start, start + length)).toString(), key);
    assert.equal(many.nameHash[i], hashBytes(many.extra, start, length), key);
  }
  assert.equal(at, bytes.length);
});

Deno.test("labels in place: the room for texts is enough, however little of it is left", () => {
  for (const labels of ['{"b":"1","a":"2"}', '{"a":"2","b":"1"}']) {
    for (let left = 0; left < 40; left++) {
      const json = `{"name":"n","value":1,"timestamp":1,"labels":${labels}}`;
      const bytes = Buffer.from(json + ROOM);
      const small = new EventBatch();
      small.reset(bytes);
      small.reserve();
      small.extra = new Uint8Array(100);
      small.extraLength = 100 - left;
      small.extra.fill(0x2e, 0, small.extraLength);
      assert.equal(new EventScanner(new JsonBytes(bytes), small).scanPlain(0), json.length);
      const start = ~small.nameStart[0]!;
      assert.equal(start, 100 - left);
      assert.equal(
        Buffer.from(small.extra.subarray(start, small.extraLength)).toString(),
        'n\0{"a":"2","b":"1"}',
        `${left} left`,
      );
      assert.ok(small.extra.subarray(0, start).every((byte) => byte === 0x2e));
    }
  }
});
