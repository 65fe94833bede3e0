import assert from "node:assert/strict";
import { keptSinks, keptSources, together } from "../../../src/state/figures/figures.ts";
import { figuresAt } from "./figure_samples.ts";

Deno.test("counts of two parts of a step add up, levels are the greatest, and parts are joined by name", () => {
  const a = figuresAt(0, 5, {
    seconds: 4,
    outboxRows: 9,
    watermarkLagMs: -20,
    sources: [{ name: "a", received: 5, lagMs: 100, unread: 3 }, { name: "gone", received: 0 }],
    sinks: [{ name: "s", delivered: 1, rejected: 1, waiting: 0 }],
  });
  const b = figuresAt(0, 7, {
    seconds: 6,
    outboxRows: 2,
    openWindows: 3,
    sources: [{ name: "a", received: 7, lagMs: 40 }, { name: "new", received: 0, unread: 1 }],
    sinks: [{ name: "s", delivered: 2, rejected: 4, waiting: 8 }],
  });
  assert.deepEqual(
    together(a, b),
    figuresAt(0, 12, {
      seconds: 10,
      outboxRows: 9,
      openWindows: 3,
      watermarkLagMs: -20,
      sources: [
        { name: "a", received: 12, lagMs: 100, unread: 3 },
        { name: "gone", received: 0 },
        { name: "new", received: 0, unread: 1 },
      ],
      sinks: [{ name: "s", delivered: 3, rejected: 5, waiting: 8 }],
    }),
  );
});

Deno.test("late arrivals are known of a step where they are known of both parts", () => {
  const late = (a?: number, b?: number) =>
    together(
      figuresAt(0, 1, a === undefined ? {} : { lateArrivals: a }),
      figuresAt(0, 1, b === undefined ? {} : { lateArrivals: b }),
    ).lateArrivals;
  assert.deepEqual([late(1, 2), late(0, 0), late(1), late(undefined, 1), late()], [
    3,
    0,
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("each count of events is added, and a part that began earlier says when the step begins", () => {
  const ones = figuresAt(0, 0).events;
  for (const entry of Object.keys(ones) as (keyof typeof ones)[]) ones[entry] = 1;
  const { atMs, events } = together(figuresAt(10, 1, { events: ones }), figuresAt(20, 1, { events: ones }));
  assert.deepEqual(Object.values(events), Object.values(ones).map(() => 2));
  assert.equal(atMs, 10);
});

Deno.test("sixteen sources and 32 sinks have figures, and none with a name of over 512 bytes", () => {
  const named = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `n${i}` }));
  assert.deepEqual(keptSources(named(17)), named(16));
  assert.deepEqual(keptSinks(named(33)), named(32));
  const [fits, long] = [{ name: "n".repeat(510) }, { name: "n".repeat(511) }];
  assert.deepEqual(keptSources([long, fits]), [fits]);
  assert.deepEqual(keptSinks([long, fits]), [fits]);
  assert.deepEqual(keptSources([{ name: "ü".repeat(256) }]), []);
});
