import type { FlinkSourceTable } from "../contract/flink_table.ts";
import type { EventExpressions } from "./event_expressions.ts";
import { comment, duration, interval, quoted, withClause } from "./sql_text.ts";

/** The settings of time. */
export interface TimeSettings {
  readonly allowedLatenessMs: number;
  readonly idleTimeoutMs: number;
  readonly maxFutureSkewMs: number;
  /** 0: duplicates are not looked for. */
  readonly dedupMaxIds: number;
}

const IDLE_MIN_MS = 60_000;
const COLUMNS = ["name", "value", "event_time", "agg_func", "labels", "arrival"];

/** The statements for one topic: the table, and the views `events_N` that have its valid events once each. */
export function sourceStatements(
  number: number,
  { options, notes, topic }: FlinkSourceTable,
  events: EventExpressions,
  time: TimeSettings,
): string[] {
  const table = quoted(`bus_${number}`);
  const statements = [
    `${
      comment(
        `The topic ${topic}. A record that is no JSON, or a part of one that does not fit its column, is NULL.`,
        `The watermark follows the greatest event time of each partition, less ALLOWED_LATENESS, and never runs ` +
          "ahead of the clock. An event that is further ahead than MAX_FUTURE_SKEW has no time, and does not count.",
        ...notes,
      )
    }\nCREATE TEMPORARY TABLE ${table} (\n${tableColumns(events, time)}\n) ${
      withClause([
        ...options,
        ...idleOptions(options, time.idleTimeoutMs),
        ...events.format,
      ])
    }`,
    view(
      `valid_${number}`,
      comment("What the handler would refuse is left out here. There are no dead letters: nothing keeps it."),
      `SELECT\n  ${
        [
          [events.name, "name"],
          [events.value, "value"],
          ["`_event_time`", "event_time"],
          [events.aggFunc, "agg_func"],
          [events.labels, "labels"],
          ["LPAD(CAST(`_offset` AS STRING), 19, '0')", "arrival"],
          [`NULLIF(${events.id}, '')`, "id"],
        ].map(([expression, name]) => `${expression} AS ${quoted(name!)}`).join(",\n  ")
      }\nFROM ${table}\nWHERE \`_event_time\` IS NOT NULL\n  AND ${events.name} <> ''\n  AND ABS(${events.value}) <= 1.7976931348623157E308`,
    ),
  ];
  return [...statements, onceView(number, time.dedupMaxIds > 0)];
}

/**
 * The handler counts polls that succeed and bring nothing. Flink counts the time without events, also while
 * its reader is behind, and then drops what comes: so a partition must be idle for long. A job that ends has
 * no need of it.
 */
function idleOptions(options: FlinkSourceTable["options"], idleTimeoutMs: number): [string, string][] {
  const endsWhenRead = options.some(([name]) => name === "scan.bounded.mode");
  if (endsWhenRead || idleTimeoutMs === 0) return [];
  return [["scan.watermark.idle-timeout", duration(Math.max(idleTimeoutMs, IDLE_MIN_MS))]];
}

function tableColumns({ columns, time }: EventExpressions, settings: TimeSettings): string {
  const skewSeconds = Math.round(settings.maxFutureSkewMs / 1000);
  const latest = `TIMESTAMPADD(SECOND, ${skewSeconds}, CURRENT_TIMESTAMP)`;
  const { isThere, time: at } = time;
  const condition = [...(isThere === undefined ? [] : [isThere]), `${at} <= ${latest}`].join(" AND ");
  return [
    ...columns,
    "`_offset` BIGINT METADATA FROM 'offset' VIRTUAL",
    `\`_event_time\` AS CASE WHEN ${condition} THEN ${at} END`,
    `WATERMARK FOR \`_event_time\` AS LEAST(\`_event_time\`, CURRENT_TIMESTAMP) - ${
      interval(settings.allowedLatenessMs)
    }`,
  ].map((line) => `  ${line}`).join(",\n");
}

/** Events with an id go another way than those without, which need not be remembered. */
function onceView(number: number, isDeduplicated: boolean): string {
  const columns = COLUMNS.map(quoted).join(", ");
  const valid = quoted(`valid_${number}`);
  if (!isDeduplicated) {
    return view(
      `events_${number}`,
      comment("DEDUP_MAX_IDS=0: ids are not looked at."),
      `SELECT ${columns} FROM ${valid}`,
    );
  }
  return view(
    `events_${number}`,
    comment("An event whose id was there already, within `table.exec.state.ttl`, is a duplicate."),
    `SELECT ${columns} FROM ${valid} WHERE \`id\` IS NULL
UNION ALL
SELECT ${columns} FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY \`id\` ORDER BY PROCTIME() ASC) AS \`nth\`
  FROM ${valid} WHERE \`id\` IS NOT NULL
) WHERE \`nth\` = 1`,
  );
}

/** A statement that makes a view. */
export function view(name: string, remarks: string, query: string): string {
  return `${remarks}\nCREATE TEMPORARY VIEW ${quoted(name)} AS\n${query}`;
}
