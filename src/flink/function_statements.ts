import type { FunctionRule } from "../aggregation/function_rules.ts";
import { functionName, isPercentile, perMillionOf } from "../event/agg_function.ts";
import { view } from "./source_statements.ts";
import { comment, literal, matches, quoted } from "./sql_text.ts";

/** Functions that the handler has besides percentiles. */
const PLAIN = ["sum", "avg", "min", "max", "count", "first", "last", "stddev"] as const;
/** Characters of the time and of the offset that stand before a value in `in_order`. */
const ORDER_CHARACTERS = 23 + 19;

/**
 * The view `readings`: each event once for each function that is computed of it.
 *
 * @param percentiles Ids of the percentiles that are computed at all.
 */
export function readingsView(
  sources: number,
  rules: readonly FunctionRule[],
  percentiles: readonly number[],
): string {
  const functions = [...PLAIN, ...percentiles.map(functionName)];
  const all = Array.from({ length: sources }, (_, i) => `SELECT * FROM ${quoted(`events_${i + 1}`)}`);
  const several = rules.some((rule) => rule.functions.length > 1);
  const named = `SELECT *, ${functionsOf(rules)} AS \`functions\`\n  FROM (${all.join(" UNION ALL ")})`;
  const one = several ? "`f`.`agg_func`" : "`e`.`functions`";
  return view(
    "readings",
    comment(
      "AGG_FUNCTIONS: the first rule that matches the name decides for an event that names no function. " +
        "Several functions make several rows of it, and none drops it.",
      "`in_order` sorts by event time, then by arrival, and ends with the value: its least is that of " +
        "`first`, and its greatest that of `last`.",
    ),
    `SELECT
  \`e\`.\`name\`, \`e\`.\`labels\`, ${one} AS \`agg_func\`, \`e\`.\`value\`, \`e\`.\`event_time\`,
  CASE WHEN ${one} IN ('first', 'last')
    THEN CAST(CAST(\`e\`.\`event_time\` AS TIMESTAMP(3)) AS STRING) || \`e\`.\`arrival\` || CAST(\`e\`.\`value\` AS STRING)
  END AS \`in_order\`
FROM (
  ${named}
) AS \`e\`${several ? "\nCROSS JOIN UNNEST(SPLIT(`e`.`functions`, ',')) AS `f` (`agg_func`)" : ""}
WHERE ${one} IN (${functions.map(literal).join(", ")})`,
  );
}

/** The functions for an event, with commas. */
function functionsOf(rules: readonly FunctionRule[]): string {
  const cases: string[] = [];
  for (const { pattern, functions } of rules) {
    const answer = functions.length === 0
      ? "CAST(NULL AS STRING)"
      : literal(functions.map(functionName).join(","));
    if (pattern.isCatchAll) {
      cases.push(`ELSE ${answer}`);
      break;
    }
    cases.push(`WHEN ${matches("`name`", pattern.text)} THEN ${answer}`);
  }
  return `CASE WHEN \`agg_func\` IS NOT NULL THEN \`agg_func\` ${cases.join(" ")} END`;
}

/** The columns of a window's query that compute the value of an aggregate. */
export function valueExpression(percentiles: readonly number[]): string {
  const names = percentiles.map(functionName);
  const shares = percentiles.map((id) => perMillionOf(id) / 1_000_000);
  const sketch = `(PERCENTILE(\`value\`, ARRAY[${
    shares.map(decimal).join(", ")
  }]) FILTER (WHERE \`agg_func\` IN (${names.map(literal).join(", ")})))`;
  const inOrder = (extreme: string) =>
    `CAST(SUBSTRING(${extreme}(\`in_order\`) FROM ${ORDER_CHARACTERS + 1}) AS DOUBLE)`;
  return [
    "CASE `agg_func`",
    "    WHEN 'sum' THEN SUM(`value`)",
    "    WHEN 'avg' THEN AVG(`value`)",
    "    WHEN 'min' THEN MIN(`value`)",
    "    WHEN 'max' THEN MAX(`value`)",
    "    WHEN 'count' THEN CAST(COUNT(*) AS DOUBLE)",
    `    WHEN 'first' THEN ${inOrder("MIN")}`,
    `    WHEN 'last' THEN ${inOrder("MAX")}`,
    "    WHEN 'stddev' THEN COALESCE(SQRT(GREATEST(VAR_SAMP(`value`), 0)), 0)",
    ...names.map((name, i) => `    WHEN ${literal(name)} THEN ${sketch}[${i + 1}]`),
    "  END",
  ].join("\n");
}

function decimal(share: number): string {
  return share === 0 || share === 1 ? `${share}.0` : `${share}`;
}

/** Ids of the percentiles that rules name. */
export function percentilesOf(rules: readonly FunctionRule[]): number[] {
  return rules.flatMap(({ functions }) => functions).filter(isPercentile);
}
