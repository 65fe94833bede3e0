import assert from "node:assert/strict";
import { readLosses } from "../../../src/state/outbox/losses.ts";
import { Inside, inTemporaryDirectory } from "../inside.ts";

Deno.test("what an operator skips is lost by his own word, what a bus had no more is not", () =>
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory);
    inside.save(false, { lost: 5, skipped: 3 });
    assert.deepEqual(
      readLosses(inside.state).map(({ name, count, knowingly }) => ({ name, count, knowingly })),
      [{ name: "trimmed", count: 2, knowingly: false }, { name: "skipped", count: 3, knowingly: true }],
    );
    inside.state.close();
  }));
