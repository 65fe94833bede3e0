import assert from "node:assert/strict";
import { readBookEntries } from "../../../src/state/checkpoint/book_entries.ts";
import { readTierCounts } from "../../../src/state/checkpoint/tier_books.ts";
import { Inside, inTemporaryDirectory } from "../inside.ts";

const reading = (timestamp: number) => ({ name: "a", value: 1, timestamp });

Deno.test("what the books count goes on after a restart, with the greatest time that a clock has shown", () =>
  inTemporaryDirectory((directory) => {
    const live = (work: (inside: Inside) => void) => {
      const inside = new Inside(directory);
      work(inside);
      inside.state.close();
    };
    const told = ({ aggregator, checkpoint }: Inside) => [
      aggregator.books.received,
      aggregator.lateArrivals,
      aggregator.contributed,
      checkpoint.counters.closed,
      checkpoint.latestMs,
    ];
    live((inside) => {
      assert.deepEqual(told(inside), [0, 0, 0, 0, undefined]);
      inside.save(false, { nowMs: 20_000_000 });
      const entries = readBookEntries(inside.state);
      assert.equal(entries.has("watermark_ms"), false, "there is no event time yet");
      assert.equal(entries.get("clock_latest_ms"), 20_000_000);
      inside.take([reading(1), reading(9)]);
      inside.save(false, { nowMs: 30_000_000 });
      inside.take([reading(1)]);
      inside.save(true, { nowMs: 25_000_000 });
      assert.deepEqual(told(inside), [3, 1, 3, 3, 30_000_000]);
    });
    live((inside) => {
      assert.deepEqual(told(inside), [3, 1, 3, 3, 30_000_000]);
      inside.save(false, { nowMs: 26_000_000 });
      const entries = readBookEntries(inside.state);
      const times = ["watermark_ms", "checkpoint_at_ms", "clock_latest_ms"].map((name) => entries.get(name));
      assert.deepEqual(times, [8500, 26_000_000, 30_000_000]);
    });
    live((inside) => assert.deepEqual(told(inside), [3, 1, 3, 3, 30_000_000]));
  }));

Deno.test("the books of a length go on after a restart, and begin with what is open where there were none", () =>
  inTemporaryDirectory((directory) => {
    const live = (work: (inside: Inside) => void) => {
      const inside = new Inside(directory);
      work(inside);
      inside.save();
      inside.state.close();
    };
    const counts = { contributed: 3, lateShares: 0, closed: 0 };
    live((inside) => inside.take([reading(1), reading(1), reading(1.1)]));
    live(({ state }) => {
      assert.deepEqual([...readTierCounts(state)], [[1000, counts]]);
      state.transaction(() => state.run("DELETE FROM tier"));
    });
    live((inside) => {
      assert.equal(inside.aggregator.sharesOf(1000).contributed, 3);
      inside.save(true);
      assert.deepEqual([...readTierCounts(inside.state)], [[1000, { ...counts, closed: 3 }]]);
    });
    live(({ aggregator, state }) => {
      assert.equal(aggregator.sharesOf(1000).contributed, 3);
      assert.deepEqual([...readTierCounts(state)], [[1000, { ...counts, closed: 3 }]]);
    });
  }));
