import { type Aggregate, describeSeries } from "../aggregation/aggregate.ts";
import type { Confirmed, SinkAlarm } from "../contract/sink.ts";

/** The alarm over a table or topic that is missing or empty; undefined: the sink never confirmed anything. */
export function emptySink(confirmed: Confirmed, what: string): SinkAlarm | undefined {
  if (!confirmed.any) return undefined;
  return { kind: "rows_missing", detail: `${what}, though it has confirmed rows`, count: 1 };
}

/** The alarm over confirmed rows that are missing; undefined: none is. */
export function missingRows(confirmed: Confirmed, missing: readonly Aggregate[]): SinkAlarm | undefined {
  const [first] = missing;
  if (first === undefined) return undefined;
  return {
    kind: "rows_missing",
    detail: `${missing.length} of the ${confirmed.newest.length} newest rows that it has confirmed are not ` +
      `there, such as ${described(first)}. There may be more: it may have been ` +
      "restored, or a replica that was behind may have taken over",
    count: missing.length,
  };
}

/**
 * The alarm over rows that are missing right after they were written without an error; undefined: none is.
 */
export function swallowedRows(missing: readonly Aggregate[]): SinkAlarm | undefined {
  const [first] = missing;
  if (first === undefined) return undefined;
  return {
    kind: "rows_missing",
    detail: `rows that it has just taken without an error are not there, such as ${described(first)}: ` +
      "a trigger or a rule of the table may drop them",
    count: missing.length,
  };
}

function described(row: Aggregate): string {
  return `${describeSeries(row)} of ${new Date(row.windowStartMs).toISOString()}`;
}
