/** An index that differs from its table gives wrong answers. */
import assert from "node:assert/strict";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { findMisplacedRow } from "../../../src/state/file/index_check.ts";
import { StateDatabase } from "../../../src/state/file/state_database.ts";
import { StateError } from "../../../src/state/file/state_error.ts";
import { inTemporaryDirectory } from "../inside.ts";

/**
 * Gives the file the index as it would be after a change, and leaves the table as it is. Both are of one page
 * each.
 */
function makeStale(path: string, index: string, change: string): void {
  const before = Deno.readFileSync(path);
  const database = new DatabaseSync(path);
  database.exec(change);
  const { rootpage, size } = database.prepare(
    "SELECT rootpage, page_size AS size FROM sqlite_schema, pragma_page_size WHERE name = ?",
  ).get(index) as { rootpage: number; size: number };
  database.close();
  const start = (rootpage - 1) * size;
  before.set(Deno.readFileSync(path).subarray(start, start + size), start);
  Deno.writeFileSync(path, before);
}

function misplacedIn(path: string): string | undefined {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    return findMisplacedRow({
      all: <Row>(sql: string, ...values: SQLInputValue[]) => database.prepare(sql).all(...values) as Row[],
      iterate: () => [],
      run: () => {},
    });
  } finally {
    database.close();
  }
}

const segment = { row_count: 1, first_hash: 0, last_hash: 0, sink_bits: 1, reissued: 0, closed_at_ms: 0 };
const deadLetter = { refused_at_ms: 1, reason: "rejected", detail: "", purged: 0, window_start_ms: 0 };

for (
  const [index, change] of [
    ["segment_by_window", "UPDATE segment SET window_end_ms = 11 WHERE first_id = 1"],
    ["segment_by_window", "DELETE FROM segment WHERE first_id = 1"],
    ["segment_by_window", "UPDATE segment SET first_id = 4 WHERE first_id = 1"],
    ["dead_letter_by_window", "UPDATE dead_letter SET window_end_ms = 11 WHERE id = 2"],
    ["dead_letter_by_window", "UPDATE dead_letter SET sink = 'x' WHERE id = 1"],
    ["dead_letter_by_window", "UPDATE dead_letter SET sink = NULL WHERE id = 2"],
    ["sqlite_autoindex_sink_2", "UPDATE sink SET bit = 2"],
  ] as const
) {
  Deno.test(`${index} is told from its table after: ${change}`, () => {
    inTemporaryDirectory((directory) => {
      const state = StateDatabase.open({ directory, instanceId: "one" });
      const { path } = state;
      state.transaction(() => {
        for (const first_id of [1, 2, 3]) {
          state.seal.put("segment", {
            ...segment,
            first_id,
            window_start_ms: 0,
            window_end_ms: 10,
            rows: new Uint8Array(9),
          });
        }
        state.run("INSERT INTO sink (name, bit, since_id, cursor, routed_count) VALUES ('all', 1, 0, 0, 0)");
        state.seal.put("dead_letter", { ...deadLetter, id: 1, window_end_ms: 10 });
        state.seal.put("dead_letter", { ...deadLetter, id: 2, sink: "all", window_end_ms: 10 });
      });
      state.close();
      assert.equal(misplacedIn(path), undefined);
      makeStale(path, index, change);
      assert.match(misplacedIn(path)!, new RegExp(`not found by ${index}`));
      assert.throws(
        () => StateDatabase.openForReading(directory),
        (error) => error instanceof StateError && error.kind === "damaged",
      );
    });
  });
}
