import assert from "node:assert/strict";
import { readGlossary } from "../../scripts/glossary.ts";
import { wordFaults } from "../../scripts/words.ts";

const GLOSSARY = readGlossary(`# Glossary

| term | meaning | not |
| --- | --- | --- |
| dead letter | refused | \`letter\` |
| sink | where aggregates go | \`storage\`, \`place\` (in names) |
| progress | how far | \`place\` (in names), bookmark |
| private | a keyword | \`#name\` |

| stays | where | why |
| --- | --- | --- |
| \`STORAGE_TYPE\` | everywhere | the setting |
| \`storage\` | \`src/disk/\` | a disk |
`);

const SOURCE = "src/part.ts";

for (
  const [what, text, faults, path = SOURCE] of [
    ["a comment", "// The storage\n// is full.\nlet a = 1;", [1]],
    ["a string, in the plural", 'const a = "a";\nconst b = "two storages";', [2]],
    ["a template beside its holes", "const a = `${1} storage ${2} of\nstorage`;", [1, 2]],
    ["a part of a name", "const openStorage = 1;\nconst STORAGE_MS = 2;", [1, 2]],
    ["a setting that stays", 'const STORAGE_TYPE = "STORAGE_TYPE=sqlite";', []],
    ["one that stays beside one that does not", "const a = STORAGE_TYPE + STORAGE_KIND;", [1]],
    ["a folder where the word stays", "const storage = 1;", [], "src/disk/file.ts"],
    ["plain English", "// It takes the place of the other one.", []],
    ["the same word as a name", "const placeOf = 1;", [1]],
    ["a part of a longer word", "const replaced = placeholder;", []],
    ["the whole term", 'const deadLetters = "dead letters"; // dead-letters list, dead_letter', []],
    ["a part of the term alone", "const letterCount = 1; // 7 letters", [1, 1]],
    ["what is held by review", "// A bookmark.", []],
    ["a member that is private by its name", "class A {\n  #a = 1;\n}", [2]],
    ["a document", "# Title\n\nA `storage` has the events.\n", [3], "docs/page.md"],
    ["a name of a file", "let a = 1;", [1], "src/letter_box.ts"],
  ] as [string, string, number[], string?][]
) {
  Deno.test(`ruled-out words: ${what}`, () => {
    const found = wordFaults(path, text, GLOSSARY);
    assert.deepEqual(found.map((fault) => Number(/:(\d+):/.exec(fault)![1])), faults, found.join("\n"));
  });
}

Deno.test("a fault names the file, the line, the word and each word to use", () => {
  assert.deepEqual(wordFaults(SOURCE, "\nlet place = 1;", GLOSSARY), [
    'src/part.ts:2: "place": say sink or progress (docs/glossary.md)',
  ]);
});

Deno.test("a glossary without its tables is an error", () => {
  assert.throws(() => readGlossary("# Glossary\n"), /no table with the column "term"/);
});
