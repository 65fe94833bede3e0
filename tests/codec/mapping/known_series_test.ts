import assert from "node:assert/strict";
import { isAt } from "../../../src/codec/mapping/byte_cache.ts";
import { KnownField, KnownHead } from "../../../src/codec/mapping/known_head.ts";
import { keyOfSeries, KnownSeries, SeriesWriter } from "../../../src/codec/mapping/known_series.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { hashBytes } from "../../../src/event/text_hash.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

Deno.test("a series that is known stands in each batch once, whatever its length", () => {
  const writer = new SeriesWriter();
  const all = Array.from(
    { length: 400 },
    (_, i) => new KnownSeries(bytesOf("öabcdefghijklmnop".slice(0, i % 16))),
  );
  const batch = new EventBatch();
  for (let round = 0; round < 2; round++) {
    batch.reset(new Uint8Array(0));
    batch.appendExtra("before");
    batch.reserve(2 * all.length);
    let length = 6;
    for (const [i, series] of all.entries()) {
      writer.write(series, batch, i);
      length += series.length;
      assert.equal(batch.extraLength, length);
      writer.write(series, batch, all.length + i);
    }
    assert.equal(batch.extraLength, length, "none of them is there twice");
    for (let i = 0; i < 2 * all.length; i++) {
      const [start, size] = [~batch.nameStart[i]!, batch.nameLength[i]!];
      const text = "öabcdefghijklmnop".slice(0, i % all.length % 16);
      assert.equal(Buffer.from(batch.extra.subarray(start, start + size)).toString(), text);
      assert.equal(batch.nameHash[i], hashBytes(bytesOf(text), 0, size));
    }
    assert.equal(Buffer.from(batch.extra.subarray(0, 6)).toString(), "before");
  }
});

Deno.test("the room for a series is made before it is written, however little is left", () => {
  for (let left = 0; left < 16; left++) {
    const batch = new EventBatch();
    batch.reset(new Uint8Array(0));
    batch.reserve();
    batch.extra = new Uint8Array(64);
    batch.extraLength = 64 - left;
    new SeriesWriter().write(new KnownSeries(bytesOf("seven b")), batch, 0);
    const start = ~batch.nameStart[0]!;
    assert.equal(Buffer.from(batch.extra.subarray(start, start + 7)).toString(), "seven b");
  }
});

Deno.test("fields are found by their names, first of all the one that comes next", () => {
  const head = new KnownHead();
  const bytes = bytesOf("xaabbabc");
  const find = (start: number, length: number, before?: KnownField) =>
    head.find(bytes, start, length, before);
  assert.equal(find(1, 1), undefined);
  const fields = ["a", "ab", "abc"].map((name) => new KnownField(bytesOf(name), { name, labels: "" }));
  for (const [i, field] of fields.entries()) {
    head.add(field);
    assert.equal(head.count, i + 1);
  }
  const [a, ab, abc] = fields as [KnownField, KnownField, KnownField];
  for (const before of [undefined, a, ab, abc]) {
    assert.equal(find(1, 1, before), a);
    assert.equal(find(2, 2, before), ab);
    assert.equal(find(5, 3, before), abc);
    for (const [start, length] of [[0, 1], [3, 2], [1, 3], [1, 0]] as const) {
      assert.equal(find(start, length, before), undefined);
    }
  }
  // One of the same name that comes next is taken before the first one.
  const again = new KnownField(bytesOf("a"), { name: "a", labels: "" });
  head.add(again);
  assert.equal(find(1, 1, abc), again);
  assert.equal(find(1, 1), a);
});

Deno.test("the key of a series is its name with its labels, and bytes stand where they all do", () => {
  assert.equal(Buffer.from(keyOfSeries({ name: "n", labels: '{"a":"1"}' })).toString(), 'n\0{"a":"1"}');
  const bytes = bytesOf("abcabd");
  const cases = [["abc", 0, true], ["abc", 3, false], ["abd", 3, true], ["xbc", 0, false], [
    "",
    2,
    true,
  ]] as const;
  for (const [own, start, is] of cases) assert.equal(isAt(bytesOf(own), bytes, start, own.length), is, own);
  assert.equal(isAt(bytesOf("ab"), bytes, 0, 3), false);
});
