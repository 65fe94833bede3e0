import assert from "node:assert/strict";
import { decimalIn, fourDigits, wholeIn } from "../../../src/codec/mapping/number_bytes.ts";
import fc from "../../support/fast_check.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

Deno.test("what is no number is none, whatever follows its end", () => {
  for (const text of ["", "-", "+", ".", "-.", "+."]) {
    for (const after of ["", "-", "+", "1", "-1", "."]) {
      const bytes = bytesOf(`=${text}${after}`);
      assert.ok(Number.isNaN(decimalIn(bytes, 1, 1 + text.length)), `${text} before ${after}`);
      assert.ok(Number.isNaN(wholeIn(bytes, 1, 1 + text.length)), `${text} before ${after}`);
    }
  }
});

Deno.test("property: a number is read as JavaScript reads it, or left to others, whatever lies around it", () => {
  const around = fc.string({ unit: fc.constantFrom(..."-+.019e,"), maxLength: 3 });
  const text = fc.string({ unit: fc.constantFrom(..."-+.0123456789"), maxLength: 20 });
  fc.assert(
    fc.property(around, text, around, (before, text, after) => {
      const start = before.length;
      const bytes = bytesOf(before + text + after);
      const expected = text === "" ? NaN : Number(text);
      for (const read of [decimalIn, wholeIn]) {
        const number = read(bytes, start, start + text.length);
        if (!Number.isNaN(number)) assert.equal(number, expected);
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("property: numbers as they usually are need nobody else", () => {
  fc.assert(fc.property(fc.maxSafeNat(), fc.nat(9), fc.boolean(), (whole, decimals, isNegative) => {
    const text = `${whole}`;
    assert.equal(wholeIn(bytesOf(text), 0, text.length), whole);
    const split = text.length - Math.min(decimals, text.length - 1);
    const decimal = `${isNegative ? "-" : ""}${text.slice(0, split)}.${text.slice(split)}`;
    assert.equal(decimalIn(bytesOf(decimal), 0, decimal.length), Number(decimal));
  }));
});

Deno.test("four digits at once are what they are one by one, and nothing else is four digits", () => {
  const wordOf = (bytes: readonly number[]) => new DataView(Uint8Array.from(bytes).buffer).getInt32(0, true);
  for (let number = 0; number < 10_000; number++) {
    const text = `${number}`.padStart(4, "0");
    assert.equal(fourDigits(wordOf([...text].map((digit) => digit.charCodeAt(0)))), number);
  }
  for (let byte = 0; byte < 256; byte++) {
    if (byte >= 0x30 && byte <= 0x39) continue;
    for (let at = 0; at < 4; at++) {
      for (const digit of [0x30, 0x35, 0x39]) {
        assert.equal(fourDigits(wordOf([digit, digit, digit, digit].with(at, byte))), -1);
      }
    }
  }
});
