import type { Aggregate } from "../aggregation/aggregate.ts";
import type { Confirmed, SinkAlarm } from "./sink.ts";

/** The alarm over a table or topic that is not there, or has nothing in it; undefined: nothing was ever confirmed by it. */
export function emptyPlace(confirmed: Confirmed, what: string): SinkAlarm | undefined {
  if (!confirmed.any) return undefined;
  return { kind: "rows_missing", detail: `${what}, though it has confirmed rows`, count: 1 };
}

/** The alarm over confirmed rows that are not there; undefined: all are. */
export function missingRows(confirmed: Confirmed, missing: readonly Aggregate[]): SinkAlarm | undefined {
  const [first] = missing;
  if (first === undefined) return undefined;
  const { name, aggFunc, windowStartMs } = first;
  return {
    kind: "rows_missing",
    detail:
      `${missing.length} of the ${confirmed.newest.length} newest rows that it has confirmed are not there, such as ` +
      `${aggFunc}(${JSON.stringify(name)}) of ${
        new Date(windowStartMs).toISOString()
      }. There may be more: has it been ` +
      "restored, or has a replica taken over that was behind?",
    count: missing.length,
  };
}
