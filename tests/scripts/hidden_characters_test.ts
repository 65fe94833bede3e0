import assert from "node:assert/strict";
import { hiddenFaults } from "../../scripts/hidden_characters.ts";

for (
  const [character, code] of [
    ["\b", "0008"],
    ["\0", "0000"],
    ["\r", "000D"],
    ["\x1b", "001B"],
    ["\u202e", "202E"],
    ["\u200b", "200B"],
    ["\ufeff", "FEFF"],
  ]
) {
  Deno.test(`the hidden character U+${code} is told with its line`, () => {
    assert.deepEqual(hiddenFaults("src/a.ts", `const a = 1;\nconst b = /${character}disk${character}/;\n`), [
      `src/a.ts:2: has the hidden character U+${code}; write it as an escape`,
      `src/a.ts:2: has the hidden character U+${code}; write it as an escape`,
    ]);
  });
}

Deno.test("what an editor shows is no hidden character", () => {
  assert.deepEqual(hiddenFaults("src/a.ts", "\tconst unit = '°C µ ß 例 \\b \\u200b 😀 👩\u200d🏭';\n"), []);
});
