import assert from "node:assert/strict";
import { decimalIn, wholeIn } from "../../../src/codec/mapping/number_bytes.ts";
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
