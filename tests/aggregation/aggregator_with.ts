import type { AggregatorOptions } from "../../src/aggregation/aggregator_options.ts";
import { EventAggregator } from "../../src/aggregation/event_aggregator.ts";
import { FunctionRules } from "../../src/aggregation/function_rules.ts";

/** An aggregator of one source that corrects closed windows for a minute, if nothing else is said. */
export function aggregatorWith(
  options: Partial<AggregatorOptions> & Pick<AggregatorOptions, "tiers">,
): EventAggregator {
  return new EventAggregator({
    sourceCount: 1,
    allowedLatenessMs: 0,
    correctionHorizonMs: 60_000,
    maxFutureSkewMs: 300_000,
    maxSeries: 1000,
    functions: FunctionRules.default,
    hashKey: [1, 2],
    dedupMaxIds: 0,
    ...options,
  });
}
