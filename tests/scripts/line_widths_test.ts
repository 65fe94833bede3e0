import assert from "node:assert/strict";
import { widthFaults } from "../../scripts/line_widths.ts";

const WIDTH = 40;
const WORDS = "some words that go on and on and on and on";
const LONG_WORD = "a".repeat(WIDTH);

for (
  const [what, text, faults, path = "src/part.ts"] of [
    ["code and comments within the width", "// a comment\nlet a = 1;", []],
    ["a comment", `let a = 1;\n// ${WORDS}`, [2]],
    ["a string with spaces", `const a =\n  "${WORDS}";`, [2]],
    ["a template on one line", `const a =\n  \`${WORDS} \${1}\`;`, [2]],
    ["a template over several lines", `const a = \`\n${WORDS}\n\${1}\n\`;`, []],
    ["a text without a space", `const a = "${LONG_WORD}";`, []],
    ["a regular expression", `const a = /${WORDS}/;`, []],
    ["the title of a test", `Deno.test("${WORDS}", () => {\n});`, []],
    ["the title of a test made of parts", `Deno.test("${WORDS}" + 1, () => {});`, [1]],
    ["what the formatter ignores", `// deno-fmt-ignore\nconst a = ["${WORDS}", 1];`, []],
    ["prose of a document", `# Title\n\n${WORDS}\n`, [3], "docs/page.md"],
    [
      "a heading, a table and a fence",
      `# ${WORDS}\n\n| ${WORDS} |\n\n\`\`\`\n${WORDS}\n\`\`\`\n`,
      [],
      "docs/page.md",
    ],
    ["a link that cannot be broken", `[a](${LONG_WORD})\n`, [], "docs/page.md"],
  ] as [string, string, number[], string?][]
) {
  Deno.test(`line widths: ${what}`, () => {
    const found = widthFaults(path, text, WIDTH);
    assert.deepEqual(found.map((fault) => Number(/:(\d+):/.exec(fault)![1])), faults, found.join("\n"));
  });
}

Deno.test("a line that is too wide is told with its file, number and width", () => {
  assert.deepEqual(widthFaults("src/a.ts", `\n// ${WORDS}`, 40), [
    "src/a.ts:2: is 45 characters wide, 40 at most",
  ]);
});
