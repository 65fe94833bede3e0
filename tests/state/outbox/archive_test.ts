import assert from "node:assert/strict";
import { functionId } from "../../../src/event/agg_function.ts";
import { addRefusedAggregates } from "../../../src/state/letters/dead_letters.ts";
import { archiveHash } from "../../../src/aggregation/series_hash.ts";
import {
  ArchivedWindow,
  dropFinalWindows,
  readSegment,
  windowsClosedAfter,
} from "../../../src/state/outbox/archive.ts";
import { SEGMENT_ROWS } from "../../../src/state/outbox/segment.ts";
import { StateError } from "../../../src/state/file/state_error.ts";
import { Inside, inTemporaryDirectory } from "../inside.ts";

const SUM = functionId("sum");
const events = (count: number, timestamp: number, value = 1) =>
  Array.from({ length: count }, (_, i) => ({ name: `n${i}`, timestamp, value }));

function find(inside: Inside, name: string): [value: number, revision: number] | undefined {
  const bytes = new TextEncoder().encode(name);
  const hash = archiveHash(bytes, 0, bytes.length, SUM);
  const found = ArchivedWindow.load(inside.state, 0, 1000).find(hash, SUM, bytes);
  return found && [found.segment.accumulator(found.row).x, found.segment.revision[found.row]!];
}

Deno.test("the newest revision of each series is found, in whichever segment it lies", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory, { maxSeries: 10_000 });
    const count = SEGMENT_ROWS + 100;
    inside.take(events(count, 0.5));
    inside.save(true);
    inside.take(events(3, 0.5, 10));
    inside.save(true);
    for (let i = 0; i < count; i++) {
      assert.deepEqual(find(inside, `n${i}`), i < 3 ? [11, 1] : [1, 0], `n${i}`);
    }
    assert.equal(find(inside, "n"), undefined);
    assert.equal(find(inside, `n${count}`), undefined);
    inside.state.close();
  });
});

Deno.test("windows go as a whole, oldest first, and not before all of them is delivered", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory, { maxSeries: 10_000 });
    for (const second of [2, 0, 1]) {
      inside.take(events(SEGMENT_ROWS + 1, second));
      inside.save(true);
    }
    const end = inside.outbox.endId();
    inside.take(events(1, 0));
    inside.save(true);
    const left = () =>
      inside.state.all<{ start: number }>("SELECT window_start_ms AS start FROM segment ORDER BY first_id")
        .map(({ start }) => start);
    assert.deepEqual(left(), [2000, 2000, 0, 0, 1000, 1000, 0]);
    dropFinalWindows(inside.state, end, 2000, 1);
    assert.deepEqual(left(), [2000, 2000, 0, 0, 0], "the correction of the oldest one is still waited for");
    dropFinalWindows(inside.state, end + 1, 2000, 10);
    assert.deepEqual(left(), [2000, 2000], "the last one can still be corrected");
    dropFinalWindows(inside.state, end + 1, -Infinity, 10);
    assert.deepEqual(left(), [2000, 2000]);
    inside.state.close();
  });
});

Deno.test("no more windows go at once than bring the number of segments to the limit", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory, { maxSeries: 10_000 });
    for (const second of [0, 1, 2]) {
      inside.take(events(SEGMENT_ROWS + 1, second));
      inside.save(true);
    }
    const segments = () => inside.state.all("SELECT 1 FROM segment").length;
    assert.equal(segments(), 6);
    for (const left of [4, 2, 0]) {
      dropFinalWindows(inside.state, inside.outbox.endId(), 3000, 2);
      assert.equal(segments(), left);
    }
    for (const second of [0, 1, 2]) {
      inside.take(events(1, second));
      inside.save(true);
    }
    assert.equal(dropFinalWindows(inside.state, inside.outbox.endId(), 3000, 2).length, 2);
    assert.equal(segments(), 1);
    inside.state.close();
  });
});

Deno.test("a damaged or missing segment is damage of the state, not a guess", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory);
    inside.take(events(1, 0));
    inside.save(true);
    const isDamage = (error: unknown) => error instanceof StateError && error.kind === "damaged";
    assert.throws(() => readSegment(inside.state, 1), isDamage);
    inside.state.run("UPDATE segment SET rows = zeroblob(length(rows))");
    assert.throws(() => readSegment(inside.state, 0), isDamage);
    inside.state.close();
  });
});

Deno.test("a window is told apart from those that begin or end with it", () => {
  inTemporaryDirectory((directory) => {
    const tiers = [1000, 2000].map((lengthMs) => ({ lengthMs, hopMs: 1000 }));
    const inside = new Inside(directory, { tiers });
    inside.take([{ name: "a", value: 1, timestamp: 1 }]);
    inside.save(true);
    const bytes = new TextEncoder().encode("a");
    const hash = archiveHash(bytes, 0, 1, SUM);
    const load = (startMs: number, endMs: number) => ArchivedWindow.load(inside.state, startMs, endMs);
    for (const [startMs, endMs, is] of [[1000, 2000, true], [0, 2000, true], [0, 1000, false]] as const) {
      const window = load(startMs, endMs);
      assert.equal(window.isEmpty, !is);
      assert.equal([...window.revisions(hash, SUM, bytes)].length, is ? 1 : 0);
    }
    const window = load(0, 2000);
    const answers = [window.isOf(0, 2000), window.isOf(1000, 2000), window.isOf(0, 1000)];
    assert.deepEqual(answers, [true, false, false]);
    const after = (atMs: number) =>
      windowsClosedAfter(inside.state, atMs).map(({ startMs, endMs }) => `${startMs}-${endMs}`).toSorted();
    assert.deepEqual(after(1999), ["0-2000", "1000-2000", "1000-3000"]);
    assert.deepEqual(after(2000), ["1000-3000"]);
    inside.state.close();
  });
});

Deno.test("a window stays for as long as a sink has refused something of it, the others go", () => {
  inTemporaryDirectory((directory) => {
    const tiers = [1000, 2000].map((lengthMs) => ({ lengthMs, hopMs: 1000 }));
    const inside = new Inside(directory, { tiers });
    inside.take([{ name: "a", value: 1, timestamp: 1 }]);
    inside.save(true);
    const aggregate = {
      ...{ name: "a", aggFunc: "sum", value: 1, windowStartMs: 0, windowEndMs: 2000, count: 1, revision: 0 },
    };
    const notFinite = { reason: "not_finite", detail: "", sink: undefined, aggregate } as const;
    const rejected = { ...notFinite, reason: "rejected", sink: "all" } as const;
    addRefusedAggregates(inside.state, [rejected], 0);
    const noSink = { ...aggregate, windowStartMs: 1000 };
    addRefusedAggregates(inside.state, [{ ...notFinite, aggregate: noSink }], 0);
    const gone = dropFinalWindows(inside.state, inside.outbox.endId(), 9000, 9);
    assert.deepEqual(gone.map(({ startMs, endMs }) => [startMs, endMs]), [[1000, 2000], [1000, 3000]]);
    assert.deepEqual(windowsClosedAfter(inside.state, 0).map(({ startMs, endMs }) => [startMs, endMs]), [
      [0, 2000],
    ]);
    inside.state.close();
  });
});
