import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { Aggregate } from "../../aggregation/aggregate.ts";
import { hasLabels, labelsIn, NO_LABELS } from "../../event/labels.ts";
import type { DeletedRows, FoundRows, ReadBack, SoughtRows } from "../../contract/read_back.ts";
import { giveWay } from "../../platform/clock/steps.ts";
import { deletedOf } from "./sqlite_retention.ts";
import { shapeOf } from "./sqlite_table.ts";

/** Starts of windows that are looked up in one turn: about a millisecond. */
const STARTS_A_TURN = 64;
/** Turns of one search at most: the starts of a day of windows of 10 s. */
const TURNS = 135;

/** Reads the rows of the file back. */
export class SqliteReadBack implements ReadBack {
  readonly cost = "cheap";

  /** @param query Runs a query on the file, which is opened for reading if needed. @throws {SinkError} */
  constructor(private readonly query: <T>(ask: (database: DatabaseSync) => T) => Promise<T>) {}

  sumOfCounts(
    instance: string,
    sinceMs: number,
    _signal?: AbortSignal,
    lengthMs: number | null = null,
  ): Promise<number> {
    return this.query((database) => {
      const row = database.prepare(
        "select coalesce(sum(count), 0) as total from aggregated_events where instance = ?1 and " +
          "window_start >= ?2 and (?3 is null or round((window_end - window_start) * 1000) = ?3)",
      ).get(instance, sinceMs / 1000, lengthMs);
      return row!.total as number;
    });
  }

  deleted(instance: string): Promise<DeletedRows | undefined> {
    return this.query((database) => deletedOf(database, instance));
  }

  rowsOfWindow(instance: string, windowStartMs: number, windowEndMs: number): Promise<Aggregate[]> {
    return this.rows(
      "where window_start = ? and window_end = ? and instance = ?",
      windowStartMs / 1000,
      windowEndMs / 1000,
      instance,
    );
  }

  newest(instance: string, limit: number): Promise<Aggregate[]> {
    return this.rows("where instance = ? order by window_start desc, name limit ?", instance, limit);
  }

  async rowsOfSeries(instance: string, sought: SoughtRows, signal: AbortSignal): Promise<FoundRows> {
    const { untilMs, limit } = sought;
    const aggregates: Aggregate[] = [];
    let reachedMs = sought.fromMs;
    for (let turns = 0; turns < TURNS && aggregates.length < limit && reachedMs < untilMs; turns++) {
      signal.throwIfAborted();
      // The statement would otherwise keep everything else waiting until it has stepped over all windows.
      const starts = await this.query((database) => startsFrom(database, reachedMs, untilMs));
      const end = starts.length < STARTS_A_TURN ? untilMs : starts.at(-1)! + 1;
      for (const startMs of starts) {
        aggregates.push(...await this.ofSeries(instance, sought, startMs));
        reachedMs = startMs + 1;
        if (aggregates.length >= limit) return { aggregates, reachedMs };
      }
      reachedMs = end;
      await giveWay();
    }
    return { aggregates, reachedMs };
  }

  private ofSeries(
    instance: string,
    { name, labels, aggFunc, lengthMs }: SoughtRows,
    startMs: number,
  ): Promise<Aggregate[]> {
    return this.rows(
      "where window_start = ?1 and name = ?2 and instance = ?3 and (?4 is null or agg_func = ?4) " +
        "and (?5 is null or round((window_end - window_start) * 1000) = ?5)",
      startMs / 1000,
      name,
      instance,
      aggFunc ?? null,
      lengthMs ?? null,
    ).then((rows) => rows.filter((row) => hasLabels(row.labels, labels)));
  }

  private rows(which: string, ...parameters: SQLInputValue[]): Promise<Aggregate[]> {
    return this.query((database) => {
      const labels = shapeOf(database).hasLabels ? "labels" : `'${NO_LABELS}' as labels`;
      const rows = database.prepare(
        `select name, ${labels}, agg_func, window_start, window_end, value, count, revision from ` +
          `aggregated_events ${which}`,
      ).all(...parameters);
      return rows.map((row) => ({
        name: row.name as string,
        ...labelsIn(row.labels as string),
        aggFunc: row.agg_func as string,
        value: row.value as number,
        windowStartMs: timeOf(row.window_start),
        windowEndMs: timeOf(row.window_end),
        count: row.count as number,
        revision: row.revision as number,
      }));
    });
  }
}

/** The starts of windows in `[fromMs, untilMs)`, whoever has written them, as many as a turn takes. */
function startsFrom(database: DatabaseSync, fromMs: number, untilMs: number): number[] {
  const next = database.prepare(
    "select min(window_start) as start from aggregated_events where window_start >= ? and window_start < ?",
  );
  const starts: number[] = [];
  for (let at = fromMs; starts.length < STARTS_A_TURN;) {
    const { start } = next.get(at / 1000, untilMs / 1000)!;
    if (start === null) break;
    starts.push(timeOf(start));
    at = timeOf(start) + 1;
  }
  return starts;
}

/** Unix ms. Windows begin and end at whole milliseconds. */
function timeOf(seconds: unknown): number {
  return Math.round(seconds as number * 1000);
}
