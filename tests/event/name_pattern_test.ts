import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { namePattern } from "../../src/event/name_pattern.ts";

Deno.test("a star stands for any characters, none included, and everything else for itself", () => {
  const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ["abc", ["abc"], ["ab", "abcd", "xabc", ""]],
    ["a.c", ["a.c"], ["abc"]],
    ["ab*", ["ab", "abc", "ab*"], ["a", "xab", "ac"]],
    ["*ab", ["ab", "xab"], ["abx", "b"]],
    ["ab*ba", ["abba", "abxba"], ["aba", "ab", "ba", "abbax"]],
    ["aba*ab", ["abaab", "abaxab"], ["abab", "aba"]],
    ["a*b*c", ["abc", "axbxc", "abbc", "aabcc"], ["ac", "acb", "abcx", "cba"]],
    ["a*bc*cd", ["abccd", "axbcxcd"], ["abcd"]],
    ["*b*", ["b", "abc"], ["", "ac"]],
    ["*aa*aa*", ["aaaa", "xaaxaax"], ["aaa"]],
    ["", [""], ["a"]],
  ];
  for (const [text, matching, others] of cases) {
    const pattern = namePattern(text);
    assert.equal(pattern.text, text);
    for (const name of matching) assert.ok(pattern.matches(name), `${text}: ${name}`);
    for (const name of others) assert.ok(!pattern.matches(name), `${text}: ${name}`);
  }
});

Deno.test("property: a pattern matches what the expression with .* for its stars does", () => {
  const texts = (maxLength: number, characters: string) =>
    fc.array(fc.constantFrom(...characters), { maxLength }).map((found) => found.join(""));
  fc.assert(
    fc.property(texts(6, "ab*"), texts(8, "ab"), (text, name) => {
      assert.equal(namePattern(text).matches(name), new RegExp(`^${text.replaceAll("*", ".*")}$`).test(name));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("only stars alone match every name there is", () => {
  for (
    const [text, isCatchAll] of [["*", true], ["**", true], ["", false], ["a*", false], [
      "*a",
      false,
    ]] as const
  ) {
    assert.equal(namePattern(text).isCatchAll, isCatchAll, text);
  }
});
