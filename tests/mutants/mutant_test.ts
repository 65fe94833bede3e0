import assert from "node:assert/strict";
import { mutantsOf } from "./mutant.ts";

const changesOf = (source: string) =>
  mutantsOf("a.ts", source).map(({ line, before, after }) => [line, before, after]);

Deno.test("a mutant is one change, told with its line", () => {
  assert.deepEqual(changesOf("let a = 1;\nif (a < b && !c) f(a);\n"), [
    [1, "let a = 1;", "let a = 2;"],
    [2, "if (a < b && !c) f(a);", "if (!(a < b && !c)) f(a);"],
    [2, "if (a < b && !c) f(a);", "if (a < b || !c) f(a);"],
    [2, "if (a < b && !c) f(a);", "if (a <= b && !c) f(a);"],
    [2, "if (a < b && !c) f(a);", "if (a < b && c) f(a);"],
    [2, "if (a < b && !c) f(a);", "if (a < b && !c) {}"],
  ]);
});

Deno.test("SQL is changed, prose and log lines are not", () => {
  assert.deepEqual(
    changesOf("const q = `select a from t\n  where a >= ? and b = ?`;\n").map(([, , after]) => after),
    [
      "where a >= ? or b = ?`;",
      "where a >= ? and b != ?`;",
      "where a > ? and b = ?`;",
    ],
  );
  assert.deepEqual(
    changesOf('const text = "this and that";\nthis.logger.warn("late", { ms: a - 1 });\n'),
    [],
  );
  assert.deepEqual(changesOf("type Bit = 0 | 1;\nconst PAUSE_MS = 500;\n"), []);
});

Deno.test("the text of a mutant is the source with nothing but the change in it", () => {
  const source = "for (let i = 3; i < n; i++) g();";
  assert.deepEqual(mutantsOf("a.ts", source).map(({ text }) => text), [
    "for (let i = 4; i < n; i++) g();",
    "for (let i = 3; i <= n; i++) g();",
    "for (let i = 3; i < n; i++) {}",
  ]);
});
