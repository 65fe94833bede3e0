import assert from "node:assert/strict";
import { addRefusedEvents, settleRequests } from "../../src/state/letters/dead_letters.ts";
import { StateDatabase } from "../../src/state/file/state_database.ts";
import { StateError } from "../../src/state/file/state_error.ts";
import { readStatus } from "../../src/control/status.ts";
import { statusRecord } from "../../src/control/status_record.ts";
import { Inside, inTemporaryDirectory } from "../state/inside.ts";

Deno.test("a state that has seen nothing says so with nulls, not with zeros", () => {
  inTemporaryDirectory((directory) => {
    const { state } = new Inside(directory);
    const report = statusRecord(readStatus(state, 0));
    assert.deepEqual([report.watermark, report.checkpoint_at, report.buses, report.open_windows], [
      null,
      null,
      [],
      [],
    ]);
    assert.deepEqual(report.outbox, { next_id: 0, rows: 0, sinks: [{ name: "all", cursor: 0, waiting: 0 }] });
    assert.deepEqual(report.dead_letters, { total: 0, by_reason: {}, dropped: 0 });
    assert.ok(Object.values(report.accounting).every((amount) => amount === 0));
    state.close();
  });
});

Deno.test("the report is that of the last checkpoint, in Unix seconds, also beside the handler", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory);
    inside.take([
      { name: "a", value: 1, timestamp: 1.25 },
      { name: "a", value: 1, timestamp: 5.5 },
      { name: "b", value: 1, timestamp: 5.5 },
      { name: "a", value: 1, timestamp: 5.5 },
      { name: "", value: 1, timestamp: 5 },
    ]);
    inside.save();
    inside.take([{ name: "unsaved", value: 1, timestamp: 5.5 }]);
    inside.state.transaction(() => {
      addRefusedEvents(
        inside.state,
        (["late", "late", "invalid"] as const).map((reason) => ({
          reason,
          detail: "",
          bus: "bus",
          partition: "",
          offset: 1,
          raw: new Uint8Array(),
          rawBytes: 0,
        })),
        0,
      );
      settleRequests(inside.state, { requests: [], retried: [1], purged: [] });
    });
    const beside = StateDatabase.openForReading(directory);
    const report = statusRecord(readStatus(beside, 0));
    assert.equal(report.watermark, 5);
    assert.deepEqual(report.buses, [{
      name: "bus",
      partition: "",
      log: "L",
      position: "5",
      next_offset: 5,
      greatest_event_time: 5.5,
      gone: false,
    }]);
    assert.deepEqual(report.open_windows, [{ window_start: 5, window_end: 6, series: 2, events: 3 }]);
    assert.deepEqual(report.outbox, { next_id: 1, rows: 1, sinks: [{ name: "all", cursor: 0, waiting: 1 }] });
    assert.deepEqual(report.dead_letters, { total: 2, by_reason: { invalid: 1, late: 1 }, dropped: 0 });
    const { received, aggregated, invalid, closed } = report.accounting;
    assert.deepEqual([received, aggregated, invalid, closed], [5, 4, 1, 1]);
    assert.deepEqual([report.instance, report.state_id], ["test", inside.state.stateId]);
    beside.close();
    inside.state.close();
  });
});

Deno.test("open windows that cannot be read are damage of the state", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory);
    inside.take([{ name: "a", value: 1, timestamp: 1 }]);
    inside.save();
    inside.state.run("UPDATE open_page_values SET accumulators = zeroblob(40)");
    assert.throws(
      () => readStatus(inside.state, 0),
      (error) => error instanceof StateError && error.kind === "damaged",
    );
    inside.state.close();
  });
});
