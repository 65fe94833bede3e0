import type { EventMapping } from "../mapping/event_mapping.ts";
import { isNumeric, Misfit, numberOf } from "./data_type.ts";
import type { Metric, Property } from "./metric.ts";

/** Properties by their names. */
export type MetricProperties = Readonly<Record<string, number | string | boolean>>;

const QUALITY = "Quality";
const BAD = 0;
const STALE = 500;

/** The properties that are read. Others take no memory. */
export interface PropertyNames {
  readonly read: ReadonlySet<string>;
  /** Those that the mapping names: they are remembered of births. The quality is of one value. */
  readonly inTemplates: ReadonlySet<string>;
}

/** The properties that a mapping needs. */
export function propertyNames({ labels, name }: EventMapping): PropertyNames {
  const rules = Array.isArray(labels) ? labels : [];
  const templates = [name, ...rules.map(({ template }) => template)];
  const named = templates.flatMap(({ parts }) => parts).flatMap((part) =>
    typeof part === "object" && part.kind === "property" ? [part.property] : []
  );
  return { read: new Set([QUALITY, ...named]), inTemplates: new Set(named) };
}

/** Those of the wanted properties that a metric has; undefined: none. */
export function propertiesOf(
  { properties }: Metric,
  wanted: ReadonlySet<string>,
): MetricProperties | undefined {
  let found: Record<string, number | string | boolean> | undefined;
  for (const [name, property] of properties ?? []) {
    const value = wanted.has(name) ? valueOf(property) : undefined;
    if (value !== undefined) (found ??= Object.create(null) as Record<string, never>)[name] = value;
  }
  return found;
}

/** Why a value with these properties is refused; undefined: its quality is good, or it says nothing of it. */
export function qualityProblem(properties: MetricProperties | undefined): string | undefined {
  const quality = properties?.[QUALITY];
  return quality === BAD
    ? "has the quality 0, which is bad"
    : quality === STALE
    ? "has the quality 500, which is stale"
    : undefined;
}

function valueOf({ type, wire }: Property): number | string | boolean | undefined {
  if (wire.field === "other") return undefined;
  if (!isNumeric(type)) return wire.value;
  const value = numberOf(type, wire);
  return value instanceof Misfit ? undefined : value;
}
