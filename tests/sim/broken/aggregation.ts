import { EventAggregator } from "../../../src/aggregation/event_aggregator.ts";
import { FunctionRules } from "../../../src/aggregation/function_rules.ts";
import { CheckpointMaker } from "../../../src/ingest/checkpoint_maker.ts";
import { ArchivedWindow } from "../../../src/state/outbox/archive.ts";
import type { BrokenVariant } from "./broken_variant.ts";
import { replace } from "./replace.ts";

/** Mistakes in windows and functions. */
export const BROKEN_AGGREGATION: readonly BrokenVariant[] = [
  {
    name: "windows close one window too early",
    foundBy: 1,
    parts: () =>
      replace(CheckpointMaker, "windowsDue", () =>
        function () {
          const { aggregator } = this;
          return aggregator.windowsWhere(
            ({ startMs }: { startMs: number }) => startMs <= aggregator.watermark.valueMs,
          );
        }),
  },
  {
    name: "an event goes only into the first of its functions",
    foundBy: 2,
    parts: () =>
      replace(FunctionRules, "functionsOf", (functionsOf) =>
        function (answer: number) {
          return functionsOf.call(this, answer).slice(0, 1);
        }),
  },
  {
    name: "what is dropped by its name is not counted",
    foundBy: 16,
    parts: () =>
      replace(EventAggregator, "aggregate", (aggregate) =>
        function (...batch) {
          aggregate.call(this, ...batch);
          this.books.received -= this.books.dropped;
          this.books.dropped = 0;
        }),
  },
  {
    name: "a correction replaces what it corrects",
    foundBy: 3,
    parts: () => replace(ArchivedWindow, "find", () => () => undefined),
  },
];
