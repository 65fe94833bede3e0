import type { CheckedEvent } from "../event_check.ts";
import type { EventMapping } from "../mapping/event_mapping.ts";
import {
  makeEvent,
  type Parts,
  type Reading,
  type RecordContext,
  type SeriesText,
} from "../mapping/reading.ts";
import type { Hole } from "../mapping/template.ts";
import type { Wide } from "./metric.ts";
import { type MetricProperties, qualityProblem } from "./metric_properties.ts";

/**
 * One metric of a message with all that its event is made of, whatever birth certificates are known. As JSON
 * it is what a dead letter has, so that a retry makes the same event.
 */
export interface MetricRecord {
  readonly group: string;
  readonly node: string;
  readonly device?: string | undefined;
  /** Undefined: only its alias is known. */
  readonly metric?: string | undefined;
  readonly alias?: Wide | undefined;
  /** Digits where a double does not keep them. */
  readonly value?: number | string | boolean | undefined;
  /** Unix ms. */
  readonly timestamp?: number | undefined;
  readonly isHistorical?: boolean | undefined;
  readonly properties?: MetricProperties | undefined;
  /** Why it can be no event, whatever the mapping is. */
  readonly problem?: string | undefined;
}

/**
 * The event of a metric, or why it is none.
 *
 * @param series Its name and labels by the mapping, if they are known.
 */
export function eventOfMetric(
  mapping: EventMapping,
  record: MetricRecord,
  context: RecordContext,
  series?: SeriesText,
): CheckedEvent | string {
  const name = nameOf(record);
  if (record.problem !== undefined) return `${name} ${record.problem}`;
  const problem = qualityProblem(record.properties);
  if (problem !== undefined) return `${name} ${problem}`;
  if (record.isHistorical === true && record.timestamp === undefined) {
    return `${name} is historical and has no time of its own`;
  }
  return makeEvent(mapping, new MetricParts(record, series), context);
}

/** How a metric is called in messages. */
export function nameOf({ alias, metric }: MetricRecord): string {
  if (metric !== undefined) return `the metric ${metric}`;
  return alias === undefined ? "a metric" : `the metric with the alias ${alias}`;
}

/** What an event is made of. */
class MetricParts implements Parts {
  readonly value: unknown;
  readonly ownTime: number | undefined;

  constructor(private readonly record: MetricRecord, readonly series: SeriesText | undefined) {
    const { timestamp, value } = record;
    this.value = value;
    this.ownTime = timestamp === undefined ? undefined : Math.min(timestamp, Number.MAX_SAFE_INTEGER);
  }

  get tags(): Record<string, string> {
    const { device, group, node } = this.record;
    return device === undefined ? { group, node } : { group, node, device };
  }

  get valueName(): string {
    return nameOf(this.record);
  }

  /** The same value of the same time is one event, however often a node or a broker sends it. */
  get ownId(): string | undefined {
    const { timestamp, value } = this.record;
    return timestamp === undefined ? undefined : `${this.path}@${timestamp}=${value}`;
  }

  at(): undefined {
    return undefined;
  }

  fill(hole: Hole): unknown {
    const { device, group, metric, node, properties } = this.record;
    switch (hole.kind) {
      case "group":
        return group;
      case "node":
        return node;
      case "device":
        return device;
      case "metric":
        return metric;
      case "path":
        return this.path;
      case "property":
        return properties?.[hole.property];
    }
    return undefined;
  }

  private get path(): string {
    const { device, group, metric, node } = this.record;
    return device === undefined ? `${group}/${node}/${metric}` : `${group}/${node}/${device}/${metric}`;
  }
}

/** Why a message that could not be read when it came is no event later either. */
export const NO_METRIC = "no metric as JSON; a Sparkplug message that could not be read stays so";

/** The events of metrics as JSON, one a line. */
export function* metricReadings(
  text: string,
  mapping: EventMapping,
  context: RecordContext,
): Generator<Reading> {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  if (lines.length === 0) yield { event: NO_METRIC };
  for (const line of lines) {
    const record = parseRecord(line);
    const event = typeof record === "string" ? record : eventOfMetric(mapping, record, context);
    yield lines.length === 1 ? { event } : { event, alone: () => line };
  }
}

/** Takes what {@link MetricRecord} is as JSON, or says what is wrong. */
function parseRecord(line: string): MetricRecord | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return NO_METRIC;
  }
  const record = (typeof parsed === "object" && parsed !== null ? parsed : {}) as Record<string, unknown>;
  const { alias, device, group, isHistorical, metric, node, problem, properties, timestamp, value } = record;
  const isText = (part: unknown) => typeof part === "string";
  const isTextOrNone = (part: unknown) => part === undefined || isText(part);
  const isSound = isText(group) && isText(node) && [device, metric, problem].every(isTextOrNone) &&
    (metric !== undefined || problem !== undefined) &&
    (alias === undefined || ["number", "string"].includes(typeof alias)) &&
    ["undefined", "number", "string", "boolean"].includes(typeof value) &&
    (timestamp === undefined || (typeof timestamp === "number" && timestamp >= 0)) &&
    (isHistorical === undefined || typeof isHistorical === "boolean") &&
    (properties === undefined || (typeof properties === "object" && properties !== null));
  return isSound ? record as unknown as MetricRecord : NO_METRIC;
}
