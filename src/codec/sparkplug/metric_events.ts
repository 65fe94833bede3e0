import type { CheckedEvent } from "../event_check.ts";
import type { EventMapping } from "../mapping/event_mapping.ts";
import type { RecordContext, SeriesText } from "../mapping/reading.ts";
import type { Template } from "../mapping/template.ts";
import type { Definition } from "./certificate.ts";
import { eventOfMetric } from "./metric_record.ts";
import type { ResolvedMetric } from "./metric_records.ts";

/** What fills these holes is the same for all values of a metric. */
const CONSTANT = ["group", "node", "device", "metric", "path"];

/**
 * Makes events of metrics. Name and labels of a metric are found out once, where they hang on nothing that is
 * another with each message.
 */
export class MetricEvents {
  private readonly isConstant: boolean;
  private readonly known = new WeakMap<Definition, SeriesText>();

  constructor(private readonly mapping: EventMapping) {
    const { labels, name } = mapping;
    const rules = Array.isArray(labels) ? labels : [];
    const templates: Template[] = [name, ...rules.map(({ template }) => template)];
    this.isConstant = templates.flatMap(({ parts }) => parts).every((part) =>
      typeof part === "string" || CONSTANT.includes(part.kind)
    );
  }

  /** Or why there is none. */
  eventOf({ definition, doubt, record }: ResolvedMetric, context: RecordContext): CheckedEvent | string {
    if (doubt !== undefined) return doubt;
    const known = definition && this.known.get(definition);
    const event = eventOfMetric(this.mapping, record, context, known);
    if (known === undefined && this.isConstant && definition !== undefined && typeof event !== "string") {
      this.known.set(definition, { name: event.name, labels: event.labels });
    }
    return event;
  }
}
