import { type Definition, isOfProtocol } from "./certificate.ts";
import {
  BOOLEAN,
  DOUBLE,
  isNumeric,
  Misfit,
  numberOf,
  typeName,
  UNKNOWN_TYPE,
  type WireValue,
} from "./data_type.ts";
import { Metric } from "./metric.ts";
import { type MetricProperties, propertiesOf, type PropertyNames } from "./metric_properties.ts";
import { type MetricRecord, nameOf } from "./metric_record.ts";
import type { Held } from "./node_sessions.ts";
import type { Payload } from "./payload.ts";
import type { SparkplugTopic } from "./topic.ts";

const MISSED = "messages before it are missing, and a birth certificate may be among them";

/** A metric of a message, and what the certificates in force say of it. */
export interface ResolvedMetric {
  readonly record: MetricRecord;
  /** What a birth certificate says of it; undefined: nothing. */
  readonly definition: Definition | undefined;
  /** Why its name may be another one by now, for the operator, who may know better. */
  readonly doubt: string | undefined;
  /** Whether a birth certificate is needed for it. */
  readonly isBirthWanted: boolean;
}

/** Resolves the metrics of messages by the birth certificates in force. */
export class MetricRecords {
  /** Metrics that are read again, for a dead letter. */
  private readonly again = new Metric();

  constructor(private readonly properties: PropertyNames) {}

  /** Undefined: the metric has no number, and nothing is wrong with that. */
  resolve(
    { device, group, node }: SparkplugTopic,
    payload: Payload,
    metric: Metric,
    held: Held | undefined,
  ): ResolvedMetric | undefined {
    const { alias, isHistorical, wire } = metric;
    const ownName = metric.name === "" ? undefined : metric.name;
    const definition = held?.certificate.find(ownName, alias);
    if (metric.isNull || metric.isTransient || definition?.isTransient === true) return undefined;
    const fault = ownName === undefined ? faultOfAlias(metric, definition, held) : undefined;
    const type = typeOf(metric, definition);
    const name = ownName ?? (fault === undefined ? definition?.name : undefined);
    if (!mayBeNumber(type, wire) || (name !== undefined && isOfProtocol(name))) return undefined;
    const value = fault === undefined ? valueOf(type, wire) : shownValue(wire);
    const record = {
      group,
      node,
      device,
      metric: name,
      alias: ownName === undefined ? alias : undefined,
      value: value instanceof Misfit ? shownValue(wire) : value,
      // When the payload was sent is not when the value was so.
      timestamp: metric.timeMs ?? (isHistorical ? undefined : payload.timeMs),
      isHistorical: isHistorical || undefined,
      properties: this.propertiesOf(metric, definition),
      problem: fault ?? (value instanceof Misfit ? value.problem : undefined),
    };
    const isDoubtful = ownName === undefined && fault === undefined && held!.isDoubtful;
    const doubt = isDoubtful ? `${nameOf(record)} may be another one by now: ${MISSED}` : undefined;
    const isBirthWanted = fault !== undefined || isDoubtful || value === NO_TYPE;
    return { record, definition: definition ?? undefined, doubt, isBirthWanted };
  }

  /** The metric that begins at a place of a payload, as JSON. */
  textAt(topic: SparkplugTopic, payload: Payload, at: number, held: Held | undefined): string {
    payload.readMetric(this.again, this.properties.read, at);
    return textOf(this.resolve(topic, payload, this.again, held)!.record);
  }

  /** All metrics with numbers, as JSON, one a line. */
  textOfAll(topic: SparkplugTopic, payload: Payload, held: Held | undefined): string {
    const lines: string[] = [];
    payload.eachMetric(this.again, this.properties.read, () => {
      const resolved = this.resolve(topic, payload, this.again, held);
      if (resolved !== undefined) lines.push(textOf(resolved.record));
    });
    return lines.join("\n");
  }

  private propertiesOf(
    metric: Metric,
    definition: Definition | null | undefined,
  ): MetricProperties | undefined {
    const own = propertiesOf(metric, this.properties.read);
    const ofBirth = definition?.properties;
    return own === undefined ? ofBirth : { ...ofBirth, ...own };
  }
}

/** JSON has no NaN. */
function textOf(record: MetricRecord): string {
  const { value } = record;
  const isOdd = typeof value === "number" && !Number.isFinite(value);
  return JSON.stringify(isOdd ? { ...record, value: `${value}` } : record);
}

/** Why the name of a metric is not known, which its message does not say. */
function faultOfAlias(
  { alias, type }: Metric,
  definition: Definition | null | undefined,
  held: Held | undefined,
): string | undefined {
  if (alias === undefined) return "has neither a name nor an alias";
  if (definition === null) return "has two names in the birth certificate";
  if (held === undefined) return "has no name: no birth certificate of its node or device is known";
  if (definition === undefined) return "has no name in the birth certificate";
  const isOther = type !== UNKNOWN_TYPE && definition.type !== UNKNOWN_TYPE && type !== definition.type;
  return isOther
    ? `is of type ${typeName(type)}, and of type ${typeName(definition.type)} in the birth certificate`
    : undefined;
}

/** The type that is said, or what the field of the value says of it. */
function typeOf({ type, wire }: Metric, definition: Definition | null | undefined): number {
  if (type !== UNKNOWN_TYPE) return type;
  if (definition && definition.type !== UNKNOWN_TYPE) return definition.type;
  return wire?.field === "boolean" ? BOOLEAN : wire?.field === "decimal" ? DOUBLE : UNKNOWN_TYPE;
}

function mayBeNumber(type: number, wire: WireValue | undefined): boolean {
  if (type !== UNKNOWN_TYPE) return isNumeric(type);
  return wire?.field !== "text" && wire?.field !== "other";
}

const NO_VALUE = new Misfit("has no value");
const NO_TYPE = new Misfit("has a whole number of a type that no birth certificate says");

function valueOf(type: number, wire: WireValue | undefined): number | string | boolean | Misfit {
  if (wire === undefined) return NO_VALUE;
  return type === UNKNOWN_TYPE ? NO_TYPE : numberOf(type, wire);
}

/** The value as the wire has it, for people. */
function shownValue(wire: WireValue | undefined): number | string | boolean | undefined {
  return wire === undefined || wire.field === "other" ? undefined : wire.value;
}
