import assert from "node:assert/strict";
import { isMeantAsNumber, kindOf, numberIn } from "../../../src/codec/mapping/number.ts";

Deno.test("a number is read of a number, a text or a boolean, or it is said why there is none", () => {
  const comma = "has a decimal comma; decimals stand behind a point";
  const cases: readonly (readonly [unknown, number | string])[] = [
    [1.5, 1.5],
    [NaN, "is not a finite number"],
    [Infinity, "is not a finite number"],
    [true, 1],
    [false, 0],
    ["1.5", 1.5],
    [" -2e3\t", -2000],
    ["+.5", 0.5],
    ["5.", 5],
    ["1E-2", 0.01],
    ["true", 1],
    ["True", 1],
    ["TRUE", 1],
    ["false", 0],
    ["False", 0],
    [" FALSE ", 0],
    ["tRUE", '"tRUE" is no number'],
    ["true1", '"true1" is no number'],
    ["", '"" is no number'],
    [".", '"." is no number'],
    ["1.5.2", '"1.5.2" is no number'],
    ["1e", '"1e" is no number'],
    ["0x10", '"0x10" is no number'],
    ["1e400", '"1e400" is not a finite number'],
    ["1,5", `"1,5" ${comma}`],
    ["-1,25", `"-1,25" ${comma}`],
    ["1,5,2", '"1,5,2" is no number'],
    ["x".repeat(40), `"${"x".repeat(40)}" is no number`],
    ["x".repeat(41), `"${"x".repeat(40)}…" is no number`],
    [undefined, "is nothing, and no number"],
    [null, "is null, and no number"],
    [[1], "is an array, and no number"],
    [{}, "is an object, and no number"],
  ];
  for (const [value, expected] of cases) assert.equal(numberIn(value), expected, JSON.stringify(value));
});

Deno.test("a text is meant as a number where one is left out otherwise", () => {
  for (const text of ["1", " 1.5 ", "true", "FALSE", "1,5", "1e999"]) assert.ok(isMeantAsNumber(text), text);
  for (const text of ["", "open", "1,5,2", "1 2", ",5", "1,"]) assert.ok(!isMeantAsNumber(text), text);
});

Deno.test("what is not what was looked for is called by its kind", () => {
  const cases = [[undefined, "nothing"], [null, "null"], [[], "an array"], [{}, "an object"]] as const;
  for (const [value, kind] of cases) assert.equal(kindOf(value), kind);
  assert.deepEqual([kindOf("a"), kindOf(1), kindOf(true)], ["a string", "a number", "a boolean"]);
});
