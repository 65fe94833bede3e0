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
