import { type Tier, tierText } from "../aggregation/tier.ts";
import { valueExpression } from "./function_statements.ts";
import { view } from "./source_statements.ts";
import { comment, interval, quoted } from "./sql_text.ts";

/** The view of the aggregates of a tier. */
export function tierView(number: number, tier: Tier, percentiles: readonly number[]): string {
  const { lengthMs, hopMs } = tier;
  const windows = lengthMs === hopMs
    ? `TUMBLE(TABLE \`readings\`, DESCRIPTOR(\`event_time\`), ${interval(lengthMs)})`
    : `HOP(TABLE \`readings\`, DESCRIPTOR(\`event_time\`), ${interval(hopMs)}, ${interval(lengthMs)})`;
  return view(
    tierName(number),
    comment(
      `AGGREGATION_INTERVAL: ${
        tierText(tier)
      } s, aligned to the epoch. A window closes once, when the watermark ` +
        "reaches its end: an event that is later is dropped, and counted in Flink's metric " +
        "numLateRecordsDropped.",
    ),
    `SELECT
  \`name\`, \`labels\`, \`agg_func\`, \`window_start\`, \`window_end\`, COUNT(*) AS \`count\`,
  ${valueExpression(percentiles)} AS \`value\`
FROM TABLE(${windows})
GROUP BY \`name\`, \`labels\`, \`agg_func\`, \`window_start\`, \`window_end\``,
  );
}

/** The name of the view of a tier. */
export function tierName(number: number): string {
  return `aggregates_${number}`;
}

/** Unix seconds of a time, as a number of JSON. */
export function unixSeconds(column: string, { lengthMs, hopMs }: Tier): string {
  const seconds = `EXTRACT(EPOCH FROM ${quoted(column)})`;
  if (lengthMs % 1000 === 0 && hopMs % 1000 === 0) return seconds;
  return `(${seconds} + EXTRACT(MILLISECOND FROM ${quoted(column)}) / 1E3)`;
}
