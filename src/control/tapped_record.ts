import { toRecord } from "../aggregation/aggregate.ts";
import type { SampledEvent } from "../ingest/event_sample.ts";
import type { PassingAggregate } from "./passing_aggregates.ts";

/** An event that has passed, as JSON for programs: the published shape of an event, and what became of it. */
export type EventRecord = ReturnType<typeof eventRecord>;

/** An aggregate that has passed, as JSON for programs: as sinks get it, and where it goes. */
export type TappedAggregateRecord = ReturnType<typeof aggregateRecord>;

export function eventRecord({ aggFunc, labels, name, timeMs, value, ...event }: SampledEvent) {
  return {
    name,
    ...(labels !== undefined && { labels: JSON.parse(labels) as Record<string, string> }),
    value,
    /** Unix seconds. */
    timestamp: timeMs / 1000,
    ...(aggFunc !== undefined && { agg_func: aggFunc }),
    source: event.bus,
    ...(event.partition !== "" && { partition: event.partition }),
    ...(event.offset !== undefined && { offset: event.offset }),
    ...(event.refusal !== undefined && { refused: event.refusal }),
  };
}

export function aggregateRecord({ aggregate, sinks }: PassingAggregate, instance: string) {
  return { ...toRecord(aggregate, instance), sinks };
}
