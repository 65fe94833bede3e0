import assert from "node:assert/strict";
import { systemClock } from "../../../src/platform/clock/clock.ts";
import { AlarmWatch } from "../../../src/runtime/alarms/alarm_watch.ts";
import { RecentFigures } from "../../../src/runtime/alarms/recent_figures.ts";
import { figuresOf } from "../../../src/runtime/alarms/alarm_figures.ts";
import type { LiveOverview } from "../../../src/runtime/overview.ts";
import { busOverview, overviewWith, sinkOverview } from "../../support/overview.ts";

const MINUTE = 60_000;
const BROKEN = { buses: [busOverview("plant", { failure: "refused" })] };

/** A watch over an overview that the test changes. */
class Rig {
  overview: LiveOverview = overviewWith({ nowMs: 1_000_000_000 });
  readonly watch = new AlarmWatch(() => this.overview, systemClock);

  set(given: Partial<LiveOverview>, laterMs = 0): void {
    this.overview = { ...this.overview, ...given, nowMs: this.overview.nowMs + laterMs };
  }

  /** The alarms of a name: since when, in ms before now, and whether it is raised. */
  of(alarm: string): { agoMs: number; isRaised: boolean }[] {
    return this.watch.alarms().filter(({ rule }) => rule.name === alarm).map(({ isRaised, sinceMs }) => ({
      agoMs: this.overview.nowMs - sinceMs,
      isRaised,
    }));
  }
}

Deno.test("an alarm is raised once it has held for its time, and begins anew after a break", () => {
  const rig = new Rig();
  assert.deepEqual(rig.watch.alarms(), []);
  rig.set(BROKEN);
  assert.deepEqual(rig.of("VabusBusUnavailable"), [{ agoMs: 0, isRaised: false }]);
  rig.set({}, 5 * MINUTE - 1);
  assert.deepEqual(rig.of("VabusBusUnavailable"), [{ agoMs: 5 * MINUTE - 1, isRaised: false }]);
  rig.set({}, 1);
  assert.deepEqual(rig.of("VabusBusUnavailable"), [{ agoMs: 5 * MINUTE, isRaised: true }]);
  rig.set({ buses: [busOverview("plant")] }, MINUTE);
  assert.deepEqual(rig.watch.alarms(), []);
  rig.set(BROKEN, MINUTE);
  assert.deepEqual(rig.of("VabusBusUnavailable"), [{ agoMs: 0, isRaised: false }]);
});

Deno.test("what the state knows outlives a restart, and a clock that is set back does no harm", () => {
  const rig = new Rig();
  const sinceMs = rig.overview.nowMs - 6 * MINUTE;
  rig.set({ buses: [busOverview("plant", { failure: "refused", failingSinceMs: sinceMs })] });
  assert.deepEqual(rig.of("VabusBusUnavailable"), [{ agoMs: 6 * MINUTE, isRaised: true }]);
  rig.set({}, -60 * MINUTE);
  assert.deepEqual(rig.of("VabusBusUnavailable"), [{ agoMs: 0, isRaised: false }]);
});

Deno.test("alarms that stand come first, then critical ones, then those that have stood for longest", () => {
  const rig = new Rig();
  rig.set({
    sinks: [sinkOverview("a", "broken"), sinkOverview("b", "failing")],
    refusalAlarms: [{ reason: "late", detail: "", since: (rig.overview.nowMs - 2 * MINUTE) / 1000 }],
  });
  rig.watch.alarms();
  rig.set(BROKEN, MINUTE);
  assert.deepEqual(
    rig.watch.alarms().map(({ rule: { name }, isRaised }) => [name, isRaised]),
    [
      ["VabusMassRefused", true],
      ["VabusNotReady", false],
      ["VabusBreakerOpen", false],
      ["VabusBusUnavailable", false],
      ["VabusSinkDown", false],
    ],
  );
});

Deno.test("the figures of an hour are kept, each time that the rules are tried", async () => {
  const rig = new Rig();
  const ending = new AbortController();
  let turns = 0;
  const clock = {
    ...systemClock,
    sleep: (ms: number) => {
      rig.set({}, ms);
      if (++turns === 41) ending.abort();
      return Promise.resolve();
    },
  };
  const watch = new AlarmWatch(() => rig.overview, clock);
  await watch.run(ending.signal);
  const [stopped] = watch.alarms();
  assert.equal(stopped!.rule.name, "VabusDataStopped");
  assert.ok(stopped!.isRaised);
});

Deno.test("figures are compared within their time, and never across a clock that was set back", () => {
  const history = new RecentFigures(10 * MINUTE);
  const at = (atMs: number, received: number) => ({ ...figuresOf(overviewWith()), atMs, received });
  const past = (atMs: number, received: number) => history.before(at(atMs, received));
  const received = (figures: { received: number }) => figures.received;
  assert.equal(past(0, 5).increase(MINUTE, received), undefined);
  assert.equal(past(0, 5).slope(MINUTE, received), undefined);
  history.keep(at(0, 0));
  history.keep(at(2 * MINUTE, 60));
  assert.equal(past(4 * MINUTE, 120).increase(2 * MINUTE, received), 60);
  assert.equal(past(4 * MINUTE, 120).increase(10 * MINUTE, received), 120);
  assert.equal(past(4 * MINUTE, 120).slope(10 * MINUTE, received), 0.5);
  assert.equal(past(2 * MINUTE + 1, 60).slope(60 * MINUTE, received), undefined, "too short for a trend");
  history.keep(at(11 * MINUTE, 200));
  assert.equal(past(11 * MINUTE + 1, 200).increase(60 * MINUTE, received), 140);
  history.keep(at(MINUTE, 210));
  assert.equal(past(2 * MINUTE, 220).increase(60 * MINUTE, received), 10);
});
