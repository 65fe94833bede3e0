import assert from "node:assert/strict";
import { listWindows, type WindowsQuestion } from "../../src/control/window_list.ts";
import { atOnce } from "../../src/platform/clock/steps.ts";
import { SEGMENT_ROWS } from "../../src/state/outbox/segment.ts";
import { Inside, inTemporaryDirectory } from "../state/inside.ts";

const tiers = [1000, 5000].map((lengthMs) => ({ lengthMs, hopMs: lengthMs }));

function list(inside: Inside, question: Partial<WindowsQuestion> = {}) {
  return atOnce(listWindows(inside.state, { lengthMs: undefined, limit: 20, ...question }));
}

Deno.test("windows are listed by tier, open ones with their events, closed ones with corrections and sinks", () => {
  inTemporaryDirectory((directory) => {
    const inside = new Inside(directory, { tiers, sinks: ["fast", "slow"] });
    assert.deepEqual(list(inside), { watermarkMs: undefined, tiers: [] });
    inside.take([
      { name: "a", value: 1, timestamp: 1 },
      { name: "b", value: 1, timestamp: 1.5 },
      { name: "a", value: 1, timestamp: 3 },
    ]);
    inside.save(false, { nowMs: 20_000_000 });
    inside.deliver(new Map(), "fast");
    inside.save(false, { nowMs: 20_000_100 });
    const closed = {
      startMs: 1000,
      endMs: 2000,
      closedMs: 20_000_000,
      aggregates: 2,
      corrections: 0,
      correctedMs: undefined,
      waitingFor: ["slow"],
      unrouted: 0,
    };
    const open = { startMs: 3000, endMs: 4000, series: 1, events: 1 };
    assert.deepEqual(list(inside), {
      watermarkMs: 2500,
      tiers: [
        { lengthMs: 1000, open: [open], closed: [closed], older: undefined },
        {
          lengthMs: 5000,
          open: [{ startMs: 0, endMs: 5000, series: 2, events: 3 }],
          closed: [],
          older: undefined,
        },
      ],
    });
    inside.take([{ name: "c", value: 1, timestamp: 1 }, { name: "a", value: 1, timestamp: 1 }]);
    inside.save(false, {
      nowMs: 20_000_200,
      closing: inside.aggregator.windowsWhere(({ endMs }) => endMs === 2000),
    });
    inside.take([{ name: "z", value: 1, timestamp: 9 }]);
    inside.save(false, { nowMs: 20_000_300 });
    const corrected = { ...closed, corrections: 2, correctedMs: 20_000_200, waitingFor: ["fast", "slow"] };
    const { tiers: [short, long] } = list(inside);
    assert.deepEqual(short!.closed.map(({ startMs }) => startMs), [3000, 1000]);
    assert.deepEqual(short!.closed[1], corrected);
    assert.equal(long!.closed.length, 1);
    assert.deepEqual(list(inside, { lengthMs: 1000, limit: 1 }).tiers, [{
      ...short!,
      closed: short!.closed.slice(0, 1),
    }]);
    inside.state.close();
  });
});

Deno.test("a window of several segments is one window", () => {
  inTemporaryDirectory((directory) => {
    const count = SEGMENT_ROWS + 10;
    const inside = new Inside(directory, { maxSeries: count });
    inside.take(Array.from({ length: count }, (_, i) => ({ name: `n${i}`, value: i, timestamp: 1 })));
    inside.save(true);
    const [{ closed }] = list(inside).tiers as [ReturnType<typeof list>["tiers"][number]];
    assert.deepEqual(closed.map(({ aggregates, corrections }) => [aggregates, corrections]), [[count, 0]]);
    inside.state.close();
  });
});

Deno.test("corrections of windows before those of the list are told of, and aggregates to no sink", () => {
  inTemporaryDirectory((directory) => {
    const router = { always: undefined, sinksFor: (name: string) => name === "lost" ? [] : ["all"] };
    const inside = new Inside(directory, { router });
    for (const timestamp of [1, 2, 3, 4, 5]) {
      inside.take([{ name: "a", value: 1, timestamp }, { name: "lost", value: 1, timestamp }]);
      inside.save();
    }
    inside.save(true, { nowMs: 20_000_000 });
    inside.take([{ name: "a", value: 1, timestamp: 1 }, { name: "a", value: 1, timestamp: 2.5 }]);
    inside.save(true, { nowMs: 20_001_000 });
    const [{ closed, older }] = list(inside, { limit: 2 }).tiers as [
      ReturnType<typeof list>["tiers"][number],
    ];
    assert.deepEqual(closed.map(({ startMs, unrouted }) => [startMs, unrouted]), [[5000, 1], [4000, 1]]);
    assert.deepEqual(older, { windows: 2, aggregates: 2, oldestMs: 1000, lastMs: 20_001_000 });
    assert.equal(list(inside).tiers[0]!.older, undefined, "the list has them");
    inside.state.close();
  });
});
