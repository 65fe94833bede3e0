/** The files of the program are plain ASCII, and mean what they meant before. */
import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { inAscii } from "../../scripts/plain_ascii.ts";

function valueOf(expression: string): unknown {
  return new Function(`return (${expression}\n);`)();
}

Deno.test("property: a pattern in ASCII finds what it found before", () => {
  const part = fc.constantFrom(
    ...[
      "a",
      "é",
      "\\é",
      "\\\\",
      "\\n",
      "u",
      "–",
      "😀",
      "\\😀",
      "[é-ü]",
      "[^😀]",
      "[\\é]",
      ".",
      "\\u00e9",
      "(?<é>a)",
    ],
  );
  const text = fc.array(fc.constantFrom("a", "é", "\\", "\n", "u", "–", "😀", "00e9", "ü"), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(
      fc.array(part, { minLength: 1, maxLength: 4 }),
      fc.constantFrom("g", "gu", "gv", "gi"),
      fc.array(text),
      (parts, flags, texts) => {
        const pattern = `/${parts.join("")}/${flags}`;
        let before: RegExp;
        try {
          before = valueOf(pattern) as RegExp;
        } catch {
          return; // No pattern: with these flags, a backslash may not stand before any character.
        }
        const ascii = inAscii(pattern);
        assert.match(ascii, /^[\0-\x7f]*$/);
        const after = valueOf(ascii) as RegExp;
        for (const parts of [["é"], ["😀"], ["\\"], ...texts]) {
          const text = parts.join("");
          assert.deepEqual([...text.matchAll(after)], [...text.matchAll(before)], `${pattern} in ${text}`);
        }
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("comments, texts and templates in ASCII leave what is around them as it was", () => {
  for (
    const text of [
      "/* é 😀 \\é */ 7",
      "// é –\n7",
      "'é\\\\é'",
      "`é ${1} 😀 \\\\é`",
      "((é) => é + 1)(6)",
      "'\\é'",
    ]
  ) assert.deepEqual(valueOf(inAscii(text)), valueOf(text), text);
});

Deno.test("a template whose raw text counts is refused beyond ASCII, as an escape would be in that text", () => {
  assert.throws(() => inAscii("const pattern = String.raw`\\d – \\d`;"), /String\.raw`\\d –/);
  assert.equal(inAscii("String.raw`\\d`; '–'"), "String.raw`\\d`; '\\u2013'");
});
