import { toRecord } from "../aggregation/aggregate.ts";
import type { Refusal } from "../aggregation/refusal.ts";
import type { SampledEvent } from "../ingest/event_sample.ts";
import type { PassingAggregate } from "./passing_aggregates.ts";

/** An event that has passed, as JSON for programs: the published shape of an event, and what became of it. */
export type EventRecord = ReturnType<typeof eventRecord>;

/** An aggregate that has passed, as JSON for programs: as sinks get it, and where it goes. */
export type TappedAggregateRecord = ReturnType<typeof aggregateRecord>;

export function eventRecord({ aggFunc, labels, name, timeMs, value, ...event }: SampledEvent): {
  readonly name: string;
  readonly labels?: Record<string, string>;
  readonly value: number;
  /** Unix seconds. */
  readonly timestamp: number;
  readonly agg_func?: string;
  readonly source: string;
  readonly partition?: string;
  readonly offset?: number;
  readonly refused?: Refusal;
  /** It corrected closed windows: how far it was behind the newest event of its partition. */
  readonly late_seconds?: number;
} {
  return {
    name,
    ...(labels !== undefined && { labels: JSON.parse(labels) as Record<string, string> }),
    value,
    timestamp: timeMs / 1000,
    ...(aggFunc !== undefined && { agg_func: aggFunc }),
    source: event.bus,
    ...(event.partition !== "" && { partition: event.partition }),
    ...(event.offset !== undefined && { offset: event.offset }),
    ...(event.fate !== undefined && (
      "refusal" in event.fate ? { refused: event.fate.refusal } : { late_seconds: event.fate.lateMs / 1000 }
    )),
  };
}

export function aggregateRecord({ aggregate, sinks }: PassingAggregate, instance: string) {
  return { ...toRecord(aggregate, instance), sinks };
}
