import assert from "node:assert/strict";
import { NAME_LENGTH, NAME_START, ROW, SeriesRows, viewOf } from "../../src/aggregation/series_rows.ts";

/** Bytes that all differ from those beside them. */
function textOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => 1 + at * 7 % 251);
}

Deno.test("a name is its text and no other, whatever its length and wherever another one differs", () => {
  const rows = new SeriesRows(8, 1000);
  for (const length of [0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 39, 40, 41, 42, 63]) {
    const text = new Uint8Array(length + 6).fill(255);
    text.set(textOf(length), 3);
    rows.setName(5, text, 3, length);
    const nameStart = rows.numbers[5 * ROW + NAME_START]!;
    assert.equal(rows.numbers[5 * ROW + NAME_LENGTH], length);
    assert.deepEqual(rows.bytes.slice(nameStart, nameStart + length), textOf(length));
    assert.ok(rows.isText(nameStart, viewOf(text), 3, length), `${length}`);
    for (let at = 3; at < 3 + length; at++) {
      const other = text.slice();
      other[at]!++;
      assert.ok(!rows.isText(nameStart, viewOf(other), 3, length), `byte ${at - 3} of ${length}`);
    }
  }
});

Deno.test("short names need no room beside the rows, and leave the numbers of all rows alone", () => {
  const rows = new SeriesRows(4, 50);
  rows.numbers.fill(-1);
  for (let series = 0; series < 4; series++) rows.setName(series, textOf(40), 0, 40);
  for (let series = 0; series < 4; series++) {
    const numbers = [...rows.numbers.subarray(series * ROW, series * ROW + 6)];
    assert.deepEqual(numbers, [-1, -1, numbers[NAME_START], 40, -1, -1]);
    assert.ok(rows.isText(numbers[NAME_START]!, viewOf(textOf(40)), 0, 40));
  }
  assert.ok(rows.hasRoomFor(40) && rows.hasRoomFor(50) && !rows.hasRoomFor(51));
  rows.setName(2, textOf(41), 0, 41);
  assert.ok(rows.hasRoomFor(40) && !rows.hasRoomFor(41));
  rows.setName(3, textOf(9), 0, 9);
  assert.ok(rows.isText(rows.numbers[2 * ROW + NAME_START]!, viewOf(textOf(41)), 0, 41));
});
