import { compileMapping, type EventMapping, type LabelRule } from "../codec/mapping/event_mapping.ts";
import type { Hole, Template } from "../codec/mapping/template.ts";
import { perSecond, type TimeUnit } from "../codec/mapping/time.ts";
import type { EventTexts } from "../settings/declaration.ts";
import { Cannot } from "./cannot.ts";
import { RecordColumns } from "./record_columns.ts";
import { literal } from "./sql_text.ts";

/** Columns of the record itself. Names that a JSON record is unlikely to have. */
const TOPIC = "`_topic`";
const KEY = "`_key`";
const BUS_TIME = "`_bus_time`";

/** How the parts of an event are read from the columns of a table. */
export interface EventExpressions {
  /** Definitions of columns. */
  readonly columns: readonly string[];
  /** Options of the table's formats. */
  readonly format: readonly (readonly [name: string, value: string])[];
  readonly name: string;
  readonly value: string;
  readonly time: EventTime;
  readonly aggFunc: string;
  readonly id: string;
  /** Canonical JSON text. */
  readonly labels: string;
}

/** How the time of an event is read. */
export interface EventTime {
  /** The condition under which there is one; undefined: there always is. */
  readonly isThere: string | undefined;
  /** A TIMESTAMP_LTZ(3). */
  readonly time: string;
}

const PLAIN_COLUMNS = [
  "`name` STRING",
  "`value` DOUBLE",
  "`timestamp` DOUBLE",
  "`agg_func` STRING",
  "`id` STRING",
  "`labels` MAP<STRING, STRING>",
];
const JSON_FORMAT = [["value.format", "json"], ["value.json.ignore-parse-errors", "true"]] as const;
/** From 1970 on. */
const RFC3339 = "^(19[7-9][0-9]|[2-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt ]" +
  "([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)([.][0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$";

/**
 * Reads the settings EVENT_*, which are sound.
 *
 * @throws {Cannot} Flink SQL cannot read such records.
 */
export function eventExpressions(texts: EventTexts): EventExpressions {
  const compiled = compileMapping(texts);
  if ("faults" in compiled) throw new Error("The settings of records were checked before.");
  return compiled.ok === undefined ? plainEvents() : new MappedEvents(compiled.ok).expressions();
}

/** Events of protocol v1 as they are. */
function plainEvents(): EventExpressions {
  return {
    columns: PLAIN_COLUMNS,
    format: JSON_FORMAT,
    name: "`name`",
    value: "`value`",
    time: unixTime("`timestamp`", "s"),
    aggFunc: "`agg_func`",
    id: "`id`",
    labels: labelsOfMap("`labels`"),
  };
}

class MappedEvents {
  private readonly record = new RecordColumns();
  private readonly metadata = new Set<string>();

  constructor(private readonly mapping: EventMapping) {
    if (mapping.format !== "json" && mapping.format !== "value") {
      throw new Cannot(
        `EVENT_FORMAT=${mapping.format} has no counterpart in Flink SQL: json and value have.`,
      );
    }
  }

  expressions(): EventExpressions {
    const { mapping } = this;
    const isValue = mapping.format === "value";
    const parts = {
      name: this.template(mapping.name),
      value: isValue ? numberOf("`_record`") : this.value(),
      time: this.time(),
      aggFunc: this.text(mapping.function),
      id: this.text(mapping.id),
      labels: this.labels(),
    };
    const hasKey = this.metadata.has(KEY);
    return {
      columns: [
        ...(isValue ? ["`_record` STRING"] : this.record.definitions()),
        ...[...this.metadata].map((column) => METADATA[column]!),
      ],
      format: [
        ...(hasKey ? [["key.format", "raw"] as const, ["key.fields", "_key"] as const] : []),
        ...(isValue ? [["value.format", "raw"] as const] : JSON_FORMAT),
        ...(hasKey ? [["value.fields-include", "EXCEPT_KEY"] as const] : []),
      ],
      ...parts,
    };
  }

  private value(): string {
    const { value } = this.mapping;
    if (value === "*") {
      throw new Cannot(
        "EVENT_VALUE=* makes an event of each number of a record, which Flink SQL does not find.",
      );
    }
    return numberOf(this.record.add(value, "STRING"));
  }

  private time(): EventTime {
    const { timestamp, timeUnit } = this.mapping;
    if (typeof timestamp !== "object") return { isThere: undefined, time: this.of(BUS_TIME) };
    const column = this.record.add(timestamp, "STRING");
    return timeUnit === "rfc3339" ? rfc3339Time(column) : unixTime(`TRY_CAST(${column} AS DOUBLE)`, timeUnit);
  }

  private text(pointer: EventMapping["id"]): string {
    return pointer === undefined ? "CAST(NULL AS STRING)" : this.record.add(pointer, "STRING");
  }

  private labels(): string {
    const { labels } = this.mapping;
    if (typeof labels === "string") throw new Error("only formats that were refused have tags");
    if ("tokens" in labels) return labelsOfMap(this.record.add(labels, "MAP<STRING, STRING>"));
    if (labels.length === 0) return "'{}'";
    const entries = labels.map(({ label, template }: LabelRule) =>
      `KEY ${literal(label)} VALUE ${this.template(template)}`
    );
    return `JSON_OBJECT(${entries.join(", ")} ABSENT ON NULL)`;
  }

  /** Where a hole finds nothing, the whole is NULL. */
  private template({ parts }: Template): string {
    const texts = parts.map((part) => typeof part === "string" ? literal(part) : this.hole(part));
    return texts.length === 1 ? texts[0]! : `(${texts.join(" || ")})`;
  }

  private hole(hole: Hole): string {
    switch (hole.kind) {
      case "pointer":
        return this.record.add(hole.pointer, "STRING");
      case "topic":
        return this.of(TOPIC);
      case "level":
        return `SPLIT_INDEX(${this.of(TOPIC)}, '/', ${hole.level})`;
      case "key":
        return this.of(KEY);
      default:
        throw new Cannot(`The hole ${hole.text} has no counterpart in Flink SQL.`);
    }
  }

  private of(column: string): string {
    this.metadata.add(column);
    return column;
  }
}

const METADATA: Readonly<Record<string, string>> = {
  [TOPIC]: "`_topic` STRING METADATA FROM 'topic' VIRTUAL",
  [KEY]: "`_key` STRING",
  [BUS_TIME]: "`_bus_time` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL",
};

/** Booleans are 0 and 1, and numbers in quotes are read. */
function numberOf(text: string): string {
  const number = `TRY_CAST(TRIM(${text}) AS DOUBLE)`;
  return `CASE LOWER(TRIM(${text})) WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE ${number} END`;
}

/** Rounded as the handler does. */
function unixTime(number: string, unit: TimeUnit): EventTime {
  const seconds = unit === "s" ? number : `${number} / 1E${Math.log10(perSecond(unit)!)}`;
  return {
    isThere: `${number} >= 0 AND ${seconds} < 1E11`,
    time: `TO_TIMESTAMP_LTZ(CAST(${seconds} * 1000 + 5E-1 AS BIGINT), 3)`,
  };
}

/**
 * The session's time zone is UTC. The offset is taken away by hand: Flink's own function passes over it. It
 * also reads 30 February as 2 March, so the day must be the one that it writes.
 */
function rfc3339Time(text: string): EventTime {
  const day = `SUBSTRING(${text} FROM 1 FOR 10)`;
  const clock = `UNIX_TIMESTAMP(REPLACE(UPPER(SUBSTRING(${text} FROM 1 FOR 19)), 'T', ' ')) * 1000`;
  const fraction =
    `CAST(COALESCE(TRY_CAST(REGEXP_EXTRACT(${text}, '[.][0-9]+', 0) AS DOUBLE), 0) * 1000 + 5E-1 AS BIGINT)`;
  const part = (group: number) =>
    `COALESCE(TRY_CAST(REGEXP_EXTRACT(${text}, '([+-][0-9]{2}):([0-9]{2})$', ${group}) AS BIGINT), 0)`;
  const sign = `CASE WHEN ${text} LIKE '%-__:__' THEN -1 ELSE 1 END`;
  const offset = `(${part(1)} * 60 + ${sign} * ${part(2)}) * 60000`;
  const isDay = `FROM_UNIXTIME(UNIX_TIMESTAMP(${day}, 'yyyy-MM-dd'), 'yyyy-MM-dd') = ${day}`;
  return {
    isThere: `REGEXP(${text}, ${literal(RFC3339)}) AND ${isDay}`,
    time: `TO_TIMESTAMP_LTZ(${clock} + ${fraction} - ${offset}, 3)`,
  };
}

/** Flink writes the keys in their order, whatever their order in the record. */
function labelsOfMap(column: string): string {
  return `CASE WHEN ${column} IS NULL THEN '{}' ELSE JSON_STRING(${column}) END`;
}
