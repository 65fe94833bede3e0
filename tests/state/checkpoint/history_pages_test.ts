import assert from "node:assert/strict";
import { scanReply } from "../../../src/codec/reply_scanner.ts";
import { EventBatch } from "../../../src/event/event_batch.ts";
import { LogHistory } from "../../../src/event/log_history.ts";
import { ColumnWriter } from "../../../src/state/checkpoint/columns.ts";
import { readHistory, writeHistory } from "../../../src/state/checkpoint/history_pages.ts";
import { withState } from "../inside.ts";

/** Notes that so many events were read from an offset on. */
function note(history: LogHistory, first: number, count: number): void {
  const batch = new EventBatch();
  const events = Array.from({ length: count }, (_, i) => ({ name: "a", value: first + i, timestamp: 1 }));
  const reply = { log: "log", offset: first, next: first + count, events };
  scanReply(new TextEncoder().encode(JSON.stringify(reply)), batch);
  history.note(batch, first);
}

const fingerprints = (history: LogHistory) =>
  Array.from({ length: history.size }, (_, number) => ({ ...history.at(number) }));

Deno.test("a history is read as it was written, of which each time only the last pages are", () =>
  withState((state) => {
    const other = new LogHistory();
    note(other, 0, 2000);
    const writer = new ColumnWriter();
    state.transaction(() => writeHistory(state, "other", other, writer));
    const history = new LogHistory();
    let written: unknown[] = [];
    const put = state.seal.put.bind(state.seal);
    state.seal.put = (table, row) => {
      written.push(row.page);
      return put(table, row);
    };
    /** Writes what has changed. Returns the pages that were written, and those that there are. */
    const write = () => {
      written = [];
      state.transaction(() => writeHistory(state, "L", history, writer));
      history.saved();
      assert.deepEqual(fingerprints(readHistory(state, "L")), fingerprints(history));
      assert.deepEqual(fingerprints(readHistory(state, "other")), fingerprints(other));
      const pages = state.all<{ page: number; first: number }>(
        "SELECT page, first_offset AS first FROM history WHERE lineage = 'L' ORDER BY page",
      ).map(({ page, first }) => `${page} from ${first}`);
      return [written, pages];
    };
    note(history, 100, 1200);
    const first = ["-1 from 0", "0 from 100", "1 from 512", "2 from 1024"];
    assert.deepEqual(write(), [[0, 1, 2, -1], first]);
    assert.deepEqual(write(), [[2], first], "its last page may have grown");
    note(history, 1300, 300);
    assert.deepEqual(write(), [[2, 3], [...first, "3 from 1536"]]);
    history.goOnAt(1024);
    assert.deepEqual(write(), [[], first.slice(0, 3)], "what was read behind it is that of another bus");
    note(history, 1024, 10);
    assert.deepEqual(write(), [[2], first]);
    history.goOnAt(5000);
    assert.deepEqual(write(), [[-1], ["-1 from 0"]], "before a gap there are samples only");
    assert.equal(history.size, 3);
    note(history, 5000, 700);
    const behind = ["-1 from 0", "9 from 5000", "10 from 5120", "11 from 5632"];
    assert.deepEqual(write(), [[9, 10, 11], behind]);
    note(history, 5700, 10);
    assert.deepEqual(write(), [[11], behind]);
    state.seal.check();
  }));
