import assert from "node:assert/strict";
import { Books } from "../../../src/state/checkpoint/books.ts";
import type { RefusedEvent } from "../../../src/state/letters/dead_letters.ts";
import { Inside, inTemporaryDirectory } from "../inside.ts";

function refused(text: string): RefusedEvent {
  const raw = new TextEncoder().encode(text);
  return {
    reason: "invalid",
    detail: "no event",
    bus: "bus",
    partition: "",
    offset: 0,
    raw,
    rawBytes: raw.length,
  };
}

for (
  const [what, booked, faults] of [
    ["as many dead letters as events were refused, dropped ones included", 2, []],
    ["fewer dead letters than events", 3, []],
    ["a dead letter more than events", 1, ["refused 1 as invalid, but 2 are kept or were dropped as such"]],
  ] as const
) {
  Deno.test(`books: ${what}`, () =>
    inTemporaryDirectory((directory) => {
      const inside = new Inside(directory, { deadLetterBound: { deadLetters: 1, bytes: 1000 } });
      inside.take(Array.from({ length: booked }, () => 1));
      inside.save(false, { refused: [refused("1"), refused("2")] });
      const kept = inside.state.get<{ rows: number }>("SELECT count(*) AS rows FROM dead_letter")!.rows;
      assert.equal(kept, 1, "the older one was dropped");
      assert.deepEqual(new Books(inside.state).faults(), faults);
      inside.state.close();
    }));
}

Deno.test("books that do not balance are told entry by entry, also those of one tier", () =>
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory);
    inside.take([1, 2, 3].map((timestamp) => ({ name: "a", value: 1, timestamp })));
    inside.save();
    const { state } = inside;
    const faultsWith = (sql: string) => {
      state.transaction(() => state.run(sql));
      return new Books(state).faults();
    };
    assert.deepEqual(new Books(state).faults(), []);
    assert.deepEqual(faultsWith("UPDATE account SET value = 4 WHERE name = 'received'"), [
      "received 4 events, but aggregated + duplicate + invalid + future + late + overflow + dropped = 3",
    ]);
    assert.deepEqual(faultsWith("UPDATE account SET value = 1 WHERE name = 'dropped'"), []);
    assert.deepEqual(
      faultsWith("UPDATE account SET value = value - 2 WHERE name IN ('dropped', 'received')"),
      [
        "the entry dropped of the books stands at -1",
      ],
    );
    assert.deepEqual(faultsWith("UPDATE account SET value = 5 WHERE name = 'contributed'").slice(-1), [
      "the aggregated events count for 5, but open windows hold 2 and closed ones 1",
    ]);
    assert.deepEqual(faultsWith("UPDATE tier SET contributed = 9").slice(-1), [
      "the aggregated events count for 9 in windows of 1 s, but open ones hold 2 and closed ones 1",
    ]);
    inside.state.close();
  }));

Deno.test("the windows of which aggregates wait for a sink are known, oldest first", () =>
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory, { sinks: ["x", "y"] });
    for (const timestamp of [5, 1, 3]) {
      inside.take([{ name: "a", value: 1, timestamp }]);
      inside.save(true);
    }
    inside.outbox.advance("x", 2);
    inside.save();
    const books = new Books(inside.state);
    const waiting = books.sinks.map((sink) =>
      books.windowsWaiting(sink).map(({ startMs }) => startMs / 1000)
    );
    assert.deepEqual(waiting, [[3], [1, 3, 5]]);
    assert.equal(books.outboxEndId, 3);
    assert.deepEqual(books.sinks.map((sink) => [...books.routed(sink)]), [[[1000, 3]], [[1000, 3]]]);
    const spans = books.windows(1000, 5000).map(({ startMs, endMs }) => `${startMs}-${endMs}`);
    assert.deepEqual(spans, ["1000-2000", "3000-4000"]);
    const holds = (startMs: number, endMs: number) => books.holds({ startMs, endMs });
    assert.deepEqual([holds(1000, 2000), holds(2000, 3000)], [true, false]);
    assert.deepEqual([holds(1000, 3000), holds(0, 2000)], [false, false]);
    inside.state.close();
  }));
