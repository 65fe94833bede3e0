import assert from "node:assert/strict";
import { together } from "../../../src/state/figures/figures.ts";
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
    sinks: [{ name: "s", delivered: 2, rejected: 0, waiting: 8 }],
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
      sinks: [{ name: "s", delivered: 3, rejected: 1, waiting: 8 }],
    }),
  );
});
