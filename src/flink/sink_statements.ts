import type { Tier } from "../aggregation/tier.ts";
import type { FlinkSinkTable } from "../contract/flink_table.ts";
import type { Rule } from "../delivery/routes.ts";
import { comment, literal, matches, quoted, withClause } from "./sql_text.ts";
import { tierName, unixSeconds } from "./window_statements.ts";

const COLUMNS = [
  "`name` STRING",
  "`labels` STRING",
  "`agg_func` STRING",
  "`window_start` STRING",
  "`window_end` STRING",
  "`instance` STRING",
  "`value` DOUBLE",
  "`count` BIGINT",
  "`revision` INT",
  "PRIMARY KEY (`window_start`, `name`, `labels`, `agg_func`, `window_end`, `instance`) NOT ENFORCED",
];
const JSON_COLUMNS = ["`name` STRING", "`aggregate` STRING"];

/** The statement for the table of a sink. */
export function sinkTable(id: string, { rows, options, notes }: FlinkSinkTable): string {
  const columns = rows === "json" ? JSON_COLUMNS : COLUMNS;
  return `${comment(`The sink ${id}.`, ...notes)}\nCREATE TEMPORARY TABLE ${quoted(tableName(id))} (\n${
    columns.map((line) => `  ${line}`).join(",\n")
  }\n) ${withClause(options)}`;
}

/** An aggregate's way from a tier to a sink; undefined: the routes never send one there. */
export function insertion(
  { id, rows }: { readonly id: string } & Pick<FlinkSinkTable, "rows">,
  { number, ...tier }: Tier & { readonly number: number },
  rules: readonly Rule[],
  instance: string,
): string | undefined {
  const condition = routeCondition(id, rules);
  if (condition === undefined) return undefined;
  // A sum that is beyond what a double holds is refused, as by the handler.
  const where = ["ABS(`value`) <= 1.7976931348623157E308", ...(condition === "" ? [] : [condition])].join(
    " AND ",
  );
  return `INSERT INTO ${quoted(tableName(id))}\nSELECT ${
    rows === "json" ? jsonRow(tier, instance) : sqlRow(instance)
  }\nFROM ${quoted(tierName(number))}\nWHERE ${where}`;
}

function tableName(id: string): string {
  return `sink_${id}`;
}

function jsonRow(tier: Tier, instance: string): string {
  const entries = [
    ["name", "`name`"],
    // JSON_OBJECT leaves out what is NULL.
    ["labels", "JSON(NULLIF(`labels`, '{}'))"],
    ["agg_func", "`agg_func`"],
    ["value", "`value`"],
    ["timestamp", unixSeconds("window_start", tier)],
    ["window_start", unixSeconds("window_start", tier)],
    ["window_end", unixSeconds("window_end", tier)],
    ["count", "`count`"],
    ["revision", "0"],
    ["instance", literal(instance)],
  ].map(([name, value]) => `  KEY ${literal(name!)} VALUE ${value}`);
  return `\`name\`, JSON_OBJECT(\n${entries.join(",\n")}\n  ABSENT ON NULL)`;
}

function sqlRow(instance: string): string {
  const time = (column: string) => `CAST(${quoted(column)} AS STRING) || '+00'`;
  return `\`name\`, \`labels\`, \`agg_func\`, ${time("window_start")}, ${time("window_end")},\n  ${
    literal(instance)
  }, \`value\`, \`count\`, 0`;
}

/** The condition under which an aggregate goes to the sink; "": always; undefined: never. */
function routeCondition(id: string, rules: readonly Rule[]): string | undefined {
  const until = rules.findIndex(({ pattern }) => pattern.isCatchAll);
  const deciding = rules.slice(0, until + 1);
  const answers = deciding.map(({ sinks }) => sinks.includes(id));
  if (answers.every((goes) => goes)) return "";
  if (answers.every((goes) => !goes)) return undefined;
  const cases = deciding.map(({ pattern }, i) => {
    const answer = answers[i] ? "TRUE" : "FALSE";
    return pattern.isCatchAll ? `ELSE ${answer}` : `WHEN ${matches("`name`", pattern.text)} THEN ${answer}`;
  });
  return `CASE ${cases.join(" ")} END`;
}
