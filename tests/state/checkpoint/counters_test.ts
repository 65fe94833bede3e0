import assert from "node:assert/strict";
import type { Aggregate } from "../../../src/aggregation/aggregate.ts";
import { readBookEntries } from "../../../src/state/checkpoint/book_entries.ts";
import { readDeadLetters } from "../../../src/state/letters/dead_letters.ts";
import { StateDatabase } from "../../../src/state/file/state_database.ts";
import { Inside, inTemporaryDirectory } from "../inside.ts";

const EVENTS = [0.1, 0.2, 1.1, 2.1, 3.1].map((timestamp) => ({ name: "a", value: 1, timestamp }));

/** Makes a state in which everything has been counted so far already. */
function age(directory: string, count: number): void {
  const state = StateDatabase.open({ directory, instanceId: "test" });
  state.transaction(() => {
    for (const name of ["received", "aggregated", "lost", "closed", "outbox_end_id"]) {
      state.run("INSERT INTO account VALUES (?, ?)", name, count);
    }
    state.run("INSERT INTO source_partition VALUES ('bus', '', 0, 'L', ?, NULL)", `${count}`);
    state.run(
      "INSERT INTO sink (name, kind, bit, since_id, cursor, routed_count) VALUES ('all', 'toy', 1, " +
        "0, ?1, ?1)",
      count,
    );
    state.run("INSERT INTO sqlite_sequence VALUES ('dead_letter', ?)", count);
    state.seal["sums"].set("commits", count);
  });
  state.close();
}

for (
  const [name, count] of [["2^31", 2 ** 31 - 3], ["2^32", 2 ** 32 - 3], ["2^53", 2 ** 53 - 100]] as const
) {
  Deno.test(`counters, offsets, outbox ids, dead letters and commits go on exactly around ${name}`, () => {
    inTemporaryDirectory((directory) => {
      age(directory, count);
      let inside = new Inside(directory);
      const table = new Map<string, Aggregate>();
      inside.take([...EVENTS, "no event"]);
      const refused = [1, 2, 3, 4].map((offset) => ({
        reason: "invalid" as const,
        detail: "no object",
        bus: "bus",
        partition: "",
        offset: count + offset,
        raw: new TextEncoder().encode('"no event"'),
        rawBytes: 10,
      }));
      inside.save(false, { refused, lost: 7 });
      inside.deliver(table, "all", 1);
      inside.save(true);
      inside.deliver(table, "all", 1);
      inside.save();
      const { commits } = inside.state.seal;
      // As after a crash: what is read back is all there is.
      inside.state.close();
      inside = new Inside(directory);
      const entries = readBookEntries(inside.state);
      assert.deepEqual(
        ["received", "aggregated", "lost", "closed", "outbox_end_id"].map((entry) =>
          entries.get(entry)! - count
        ),
        [6, 5, 7, 5, 4],
      );
      assert.equal(inside.offset - count, 6);
      assert.equal(inside.state.seal.commits, commits);
      assert.equal(commits - count, 4);
      const [all] = inside.registry.sinks;
      assert.deepEqual([all!.cursor - count, all!.routedCount - count], [4, 5]);
      assert.deepEqual(
        readDeadLetters(inside.state, { limit: 9 }).map(({ id, offset }) => [id - count, offset! - count]),
        [[1, 1], [2, 2], [3, 3], [4, 4]],
      );
      assert.deepEqual([...table.values()].map((row) => row.count), [2, 1, 1, 1]);
      inside.state.close();
    });
  });
}
