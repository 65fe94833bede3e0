import assert from "node:assert/strict";
import { DecodedEvents } from "../../src/event/decoded_events.ts";
import { type AloneText, EventBatch, INT_COLUMNS } from "../../src/event/event_batch.ts";

/** Two events of three records: texts of the first are in the bytes, those of the second in `extra`. */
function filled(alone: readonly (AloneText | undefined)[] = []): EventBatch {
  const batch = new EventBatch();
  batch.reset(new TextEncoder().encode("0123456789"));
  batch.reserve(2);
  batch.appendExtra("extra text");
  Object.assign(batch, { count: 2, total: 3, surplus: 4 });
  for (const [i, column] of INT_COLUMNS.entries()) batch[column].set([10 * i + 1, 10 * i + 2]);
  // The first and the last places that there may be.
  for (const column of ["nameStart", "idStart", "lineStart"] as const) batch[column].set([0, -1]);
  batch.value.set([0.25, -0.5]);
  batch.timeMs.set([1e12, 2e12]);
  for (const [i, text] of alone.entries()) batch.alone[i] = text;
  return batch;
}

function columnsOf(batch: EventBatch, first: number): Record<string, number[]> {
  const names = [...INT_COLUMNS, "value", "timeMs"] as const;
  return Object.fromEntries(names.map((name) => [name, [...batch[name].subarray(first, batch.count)]]));
}

Deno.test("decoded events are added behind others, with their places in the batch that they come to", () => {
  const alone = () => "alone";
  const decoded = DecodedEvents.of(filled([alone, alone]))!;
  const into = new EventBatch();
  into.reset(new Uint8Array(500));
  into.reserve();
  into.appendExtra("seven b");
  Object.assign(into, { count: 1, total: 5, surplus: 6 });
  for (const column of INT_COLUMNS) into[column][0] = 77;
  decoded.addTo(into, 100);
  const moved: Record<string, (value: number) => number> = {
    position: (value) => value + 5,
    rawStart: (value) => value + 100,
    rawEnd: (value) => value + 100,
  };
  const text = (value: number) => value < 0 ? value - 7 : value + 100;
  for (const column of ["nameStart", "idStart", "lineStart"]) moved[column] = text;
  const expected = Object.entries(columnsOf(filled(), 0)).map(([name, values]) => [
    name,
    values.map(moved[name] ?? ((value) => value)),
  ]);
  assert.deepEqual(columnsOf(into, 1), Object.fromEntries(expected));
  assert.deepEqual(INT_COLUMNS.map((column) => into[column][0]), INT_COLUMNS.map(() => 77));
  assert.deepEqual([into.count, into.total, into.surplus, into.extraLength], [3, 8, 10, 17]);
  assert.equal(new TextDecoder().decode(into.extra.subarray(0, 17)), "seven bextra text");
  assert.deepEqual(into.alone, [, alone, alone]);
});

Deno.test("decoded events are not changed by what becomes of their batch, and can be added many times", () => {
  const batch = filled();
  const decoded = DecodedEvents.of(batch)!;
  for (const column of INT_COLUMNS) batch[column].fill(0);
  for (const column of [batch.value, batch.timeMs, batch.extra]) column.fill(0);
  const into = new EventBatch();
  const times = 1000;
  for (let i = 0; i < times; i++) decoded.addTo(into, 0);
  const last = new EventBatch();
  decoded.addTo(last, 0);
  assert.deepEqual(columnsOf(last, 0), columnsOf(filled(), 0));
  assert.deepEqual([into.count, into.total, into.extraLength], [2 * times, 3 * times, 10 * times]);
  assert.equal(into.nameStart.at(2 * times - 1), ~(10 * (times - 1)));
  assert.deepEqual([into.alone.length, last.alone.length], [0, 0]);
});

Deno.test("the memory that decoded events take is that of their columns and texts", () => {
  assert.equal(DecodedEvents.of(filled())!.byteLength, 2 * (13 * 4 + 2 * 8) + 10);
  assert.equal(DecodedEvents.of(new EventBatch())!.byteLength, 0);
});

Deno.test("what is invalid, or has records of its own for single events, is not kept", () => {
  const [one, two] = [() => "one", () => "two"];
  assert.equal(DecodedEvents.of(filled([one, two])), undefined);
  assert.equal(DecodedEvents.of(filled([undefined, two])), undefined);
  assert.equal(DecodedEvents.of(filled([one])), undefined);
  // What an earlier reply left behind the events is no part of them.
  assert.notEqual(DecodedEvents.of(filled([one, one, two])), undefined);
  const batch = filled();
  batch.invalid.push({ index: 2, detail: "d", rawStart: 0, rawEnd: 1 });
  assert.equal(DecodedEvents.of(batch), undefined);
});
