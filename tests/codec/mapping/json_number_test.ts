import assert from "node:assert/strict";
import { influxNumber } from "../../../src/codec/mapping/influx_line.ts";
import { influxNumberIn } from "../../../src/codec/mapping/influx_number_bytes.ts";
import { jsonNumber, jsonNumberEnd } from "../../../src/codec/mapping/json_number.ts";
import {
  asciiBetween,
  decimalIn,
  EXACT_POWERS_OF_TEN,
  timeMsIn,
  timeMsOf,
  wholeIn,
} from "../../../src/codec/mapping/number_bytes.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const MAX = Number.MAX_SAFE_INTEGER;

/** What a reader makes of a text that has others around it. */
function inside<T>(text: string, read: (bytes: Uint8Array, start: number, end: number) => T): T {
  return read(bytesOf(`19${text}91`), 2, 2 + text.length);
}

Deno.test("a number of JSON ends where no part of one follows", () => {
  const numbers = [
    "0",
    "-0",
    "7",
    "19",
    "-120",
    "0.5",
    "1.25",
    "-0.0",
    "1e5",
    "1E5",
    "1e+5",
    "1E-05",
    "0e0",
    "12.5e10",
  ];
  for (const text of numbers) {
    for (const after of ["", ",", "}", " ", "x", "-", "/", ":"]) {
      assert.equal(jsonNumberEnd(bytesOf(`[${text}${after}`), 1), 1 + text.length, text + after);
    }
    assert.equal(inside(text, jsonNumber), Number(text));
  }
  assert.equal(jsonNumberEnd(bytesOf("01"), 0), 1, "what follows is no part of it");
  for (const text of ["", "-", "+1", ".5", "x", "/", ":", "1.", "1.x", "1e", "1e+", "1e-x", "-x", "1.e5"]) {
    assert.equal(jsonNumberEnd(bytesOf(text), 0), -1, text);
  }
});

Deno.test("a number of JSON is rounded correctly, or it is not finite", () => {
  for (
    const text of ["9007199254740993", "1e308", "0.12345678901234567890123456789", "123456789012345678901234"]
  ) {
    assert.equal(inside(text, jsonNumber), Number(text), text);
  }
  for (const text of ["1e309", "-1e309", `1${"0".repeat(400)}`]) {
    assert.ok(Number.isNaN(inside(text, jsonNumber)));
  }
});

Deno.test("a decimal number without an exponent is read as far as a double holds it", () => {
  const numbers = [
    "0",
    "7",
    "+7",
    "-7",
    "007",
    ".5",
    "-.5",
    "5.",
    "+0.25",
    "90.09",
    `${MAX}`,
    "90071992547409.91",
  ];
  for (const text of [...numbers, "-0", `0.${"0".repeat(21)}1`]) {
    assert.ok(Object.is(inside(text, decimalIn), Number(text)), text);
    assert.ok(Object.is(decimalIn(bytesOf(text), 0, text.length), Number(text)), text);
  }
  const others = [
    "",
    "+",
    "-",
    ".",
    "+.",
    ".5.",
    "1.2.3",
    "1-",
    "--1",
    "+-1",
    "1e5",
    "/",
    ":",
    "1/",
    "1:",
    " 1",
    `${MAX + 1}`,
  ];
  for (const text of [...others, `0.${"0".repeat(22)}1`]) {
    {
      assert.ok(Number.isNaN(inside(text, decimalIn)), text);
      assert.ok(Number.isNaN(decimalIn(bytesOf(text), 0, text.length)), text);
    }
  }
});

Deno.test("a whole number of up to 19 digits is rounded correctly", () => {
  const numbers = ["0", "9", "123456789", "1234567890", "999999999", "1000000000", "1764000000123456789"];
  numbers.push("4611686018999999999", "0000000000000000001", "4611686017000000001", "1000000000000000001");
  for (const text of numbers) assert.equal(inside(text, wholeIn), Number(text), text);
  for (const text of ["", "-1", "+1", "1.5", "/", ":", "12/", "12:", "4611686019000000000", "0".repeat(20)]) {
    assert.ok(Number.isNaN(inside(text, wholeIn)), text);
  }
  assert.ok(Number.isNaN(wholeIn(bytesOf("123"), 2, 1)));
});

Deno.test("a time that is counted becomes whole milliseconds from 1970 to the last that is counted", () => {
  const cases: readonly (readonly [string, number, number])[] = [
    ["0", 1, 0],
    ["-0", 1, 0],
    ["1.5", 1, 1500],
    ["1.0005", 1, 1001],
    ["1500", 1e6, 2],
    ["1499999", 1e9, 1],
    ["1764000000123456789", 1e9, 1764000000123],
    [`${MAX}`, 1e3, MAX - 1],
  ];
  for (const [text, perSecond, timeMs] of cases) {
    const found = inside(text, (bytes, start, end) => timeMsIn(bytes, start, end, perSecond));
    assert.ok(Object.is(found, timeMs), `${text}: ${found}`);
  }
  for (const text of ["-1", "-0.001", "", "x", "9007199254741"]) {
    assert.ok(Number.isNaN(inside(text, (bytes, start, end) => timeMsIn(bytes, start, end, 1))), text);
  }
  assert.deepEqual([timeMsOf(MAX + 1, 1e3), timeMsOf(NaN, 1), timeMsOf(2, 1e3)], [NaN, NaN, 2]);
});

Deno.test("the powers of ten are those that a double holds exactly", () => {
  assert.deepEqual([...EXACT_POWERS_OF_TEN], Array.from({ length: 23 }, (_, i) => Number(`1e${i}`)));
  assert.equal(asciiBetween(bytesOf("abcd"), 1, 3), "bc");
});

Deno.test("a number of line protocol is read of its bytes as of its text", () => {
  const texts = ("1 -1.5 21i -21i +21i 21u -21u +21u i -i u 1.5i 1ii 9007199254740993i " +
    "99999999999999999999i t T true f F false").split(" ");
  for (const text of [...texts, "", "1e3", "nan", "open", '"a"', "4611686019000000000i", "1I"]) {
    const expected = influxNumber(text);
    const found = inside(text, influxNumberIn);
    assert.ok(Object.is(found, typeof expected === "string" ? NaN : expected), `${text}: ${found}`);
  }
});
