import assert from "node:assert/strict";
import { labelFilter, SeriesMatcher } from "../../src/event/series_filter.ts";

Deno.test("labels are asked for as pairs, or as a JSON object of texts", () => {
  const cases: readonly (readonly [string, Record<string, string> | undefined])[] = [
    ["line:4", { line: "4" }],
    ["line:4,site:north", { line: "4", site: "north" }],
    ["url:http://a:1", { url: "http://a:1" }],
    ["a:", { a: "" }],
    [":b", { "": "b" }],
    ["a:x\ny", { a: "x\ny" }],
    ["", undefined],
    ["line", undefined],
    ["line:4,", undefined],
    [",line:4", undefined],
    ["a:1,a:2", undefined],
    ['{"a":"1,2","b":"3"}', { a: "1,2", b: "3" }],
    ["{}", {}],
    ['{"a":1}', undefined],
    ['{"a":"1","b":null}', undefined],
    ['{"a":"1"', undefined],
    ["{a:1}", undefined],
  ];
  for (const [text, labels] of cases) assert.deepEqual(labelFilter(text), labels, text);
});

Deno.test("a series matches where both its name and its labels do", () => {
  const matcher = new SeriesMatcher({ name: "oven.*", labels: { line: "4" } });
  const cases: readonly (readonly [string, string | undefined, boolean])[] = [
    ["oven.a", '{"line":"4"}', true],
    ["oven.a", '{"line":"4","site":"n"}', true],
    ["oven.a", '{"line":"5"}', false],
    ["oven.a", undefined, false],
    ["press.a", '{"line":"4"}', false],
  ];
  for (const [name, labels, matches] of cases) assert.equal(matcher.matches(name, labels), matches, name);
  assert.ok(new SeriesMatcher({ name: "*", labels: {} }).matches("a", undefined));
});

Deno.test("the texts that every matching name holds are known as bytes", () => {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const cases = [
    ["*", "", ""],
    ["öl", "öl", "öl"],
    ["ab*", "ab", "ab"],
    ["a*bcd*e", "a", "bcd"],
    ["*bcd", "", "bcd"],
    // The first of several that are as long.
    ["ab*cd", "ab", "ab"],
  ] as const;
  for (const [name, prefix, longest] of cases) {
    const matcher = new SeriesMatcher({ name, labels: {} });
    assert.deepEqual([text(matcher.prefix), text(matcher.longestLiteral)], [prefix, longest], name);
  }
});

Deno.test("the first look at the bytes of a name is at its beginning", () => {
  const matcher = new SeriesMatcher({ name: "abc*", labels: {} });
  const bytes = new TextEncoder().encode("..abcd..abx");
  const cases = [[2, 4, true], [2, 3, true], [2, 2, false], [3, 4, false], [8, 3, false], [
    1,
    4,
    false,
  ]] as const;
  for (const [start, length, may] of cases) {
    assert.equal(matcher.mayMatch(bytes, start, length), may, `${start}, ${length}`);
  }
  assert.ok(new SeriesMatcher({ name: "*", labels: {} }).mayMatch(bytes, 0, 0));
  const otherFirst = new TextEncoder().encode("xbc");
  assert.equal(matcher.mayMatch(otherFirst, 0, 3), false);
});
