import assert from "node:assert/strict";
import { ColumnError } from "../../../src/state/checkpoint/columns.ts";
import { KeyColumn } from "../../../src/state/checkpoint/key_column.ts";

const ENCODER = new TextEncoder();

/** A column of these keys; its bytes lie within others. */
function columnOf(keys: readonly string[]): KeyColumn {
  const bytes = ENCODER.encode(`#${keys.join("")}`).subarray(1);
  return new KeyColumn(bytes, Uint16Array.from(keys, (key) => ENCODER.encode(key).length));
}

for (const keys of [[], ["a"], ["", "ab", "", "c"], ["ab", "grö\u00dfe", "\ufeffmark", "c"], ["\ufeff"]]) {
  Deno.test(`keys are found by their rows: ${JSON.stringify(keys)}`, () => {
    const column = columnOf(keys);
    assert.equal(column.rowCount, keys.length);
    let at = 0;
    keys.forEach((key, row) => {
      const bytes = ENCODER.encode(key);
      assert.equal(column.text(row), key);
      assert.deepEqual(Uint8Array.from(column.bytesOf(row)), bytes);
      assert.deepEqual([column.start(row), column.length(row), column.end(row)], [
        at,
        bytes.length,
        at += bytes.length,
      ]);
    });
  });
}

Deno.test("keys whose lengths do not add up to their bytes are refused", () => {
  const bytes = ENCODER.encode("abc");
  for (const lengths of [[], [1, 1], [1, 3], [4]]) {
    assert.throws(() => new KeyColumn(bytes, Uint16Array.from(lengths)), ColumnError, `${lengths}`);
  }
});
