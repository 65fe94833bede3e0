import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Aggregate, Aggregates } from "../../aggregation/aggregate.ts";
import { NO_LABELS } from "../../event/labels.ts";
import { orderOf } from "../order_of.ts";

/**
 * Rows that one statement writes. One for each row costs half as much again, by its calls; more rows in one
 * cost no less.
 */
const RUN_ROWS = 100;

/** A row that a statement has left as it was, with what is there; undefined: nothing is. */
export interface Unwritten {
  readonly row: Aggregate;
  readonly held: Aggregate | undefined;
}

/**
 * Rows are written window by window, in the order of the key, so that each page is read and written once per
 * batch. Revisions of one row follow each other.
 *
 * @param isWanted Which of the aggregates are written, by index and start of window.
 */
export function* inOrderOfKey(
  aggregates: Aggregates,
  isWanted: (index: number, windowStartMs: number) => boolean = () => true,
): Generator<Aggregate> {
  for (const index of orderOf(aggregates)) {
    const row = aggregates.at(index)!;
    if (isWanted(index, row.windowStartMs)) yield row;
  }
}

/**
 * Splits rows that are in the order of the key into runs for {@link RowStatements.put}: rows of one window
 * with different columns.
 */
export function* runsOf(rows: Iterable<Aggregate>): Generator<readonly Aggregate[]> {
  let run: Aggregate[] = [];
  for (const row of rows) {
    if (run.length === RUN_ROWS || (run.length > 0 && !isNeighbour(run.at(-1)!, row))) {
      yield run;
      run = [];
    }
    run.push(row);
  }
  if (run.length > 0) yield run;
}

function isNeighbour(a: Aggregate, b: Aggregate): boolean {
  return a.windowStartMs === b.windowStartMs && a.windowEndMs === b.windowEndMs &&
    (a.name !== b.name || a.labels !== b.labels || a.aggFunc !== b.aggFunc);
}

/** The statements over the rows of an instance. */
export class RowStatements {
  private readonly upsert: StatementSync;
  private readonly upsertRun: StatementSync;
  private readonly overwrite: StatementSync;
  private readonly overwriteRun: StatementSync;
  private readonly holding: StatementSync;

  constructor(
    database: DatabaseSync,
    private readonly hasLabels: boolean,
    private readonly instance: string,
  ) {
    const ofRow = ["name", "agg_func", ...(hasLabels ? ["labels"] : []), "value", "count", "revision"];
    const upsert = (rows: number, than: string) =>
      database.prepare(`
        insert into aggregated_events (window_start, window_end, instance, ${ofRow})
        select shared.*, own.*
        from (select ? as window_start, ? as window_end, ? as instance) as shared,
             (values ${Array(rows).fill(`(${ofRow.map(() => "?")})`)}) as own
        where true
        on conflict (window_start, window_end, instance, name, agg_func${hasLabels ? ", labels" : ""})
        do update
        set value = excluded.value,
            count = excluded.count,
            revision = excluded.revision,
            written_at = (julianday('now') - 2440587.5) * 86400.0
        where excluded.revision ${than} aggregated_events.revision`);
    this.upsert = upsert(1, ">");
    this.upsertRun = upsert(RUN_ROWS, ">");
    this.overwrite = upsert(1, ">=");
    this.overwriteRun = upsert(RUN_ROWS, ">=");
    this.holding = database.prepare(`
      select value, count, revision from aggregated_events
      where window_start = ? and window_end = ? and instance = ? and name = ? and agg_func = ?
        ${hasLabels ? "and labels = ?" : ""} and revision >= ?`);
  }

  /**
   * Writes a run of {@link runsOf}. Returns the rows of which the table has something else, or nothing.
   *
   * @param overwrites Whether they also replace rows of the same revision.
   */
  put(run: readonly Aggregate[], overwrites = false): Unwritten[] {
    const isFull = run.length === RUN_ROWS;
    if (!isFull && run.length > 1) return run.flatMap((row) => this.put([row], overwrites));
    const statement = isFull
      ? (overwrites ? this.overwriteRun : this.upsertRun)
      : (overwrites ? this.overwrite : this.upsert);
    const values = this.sharedBy(run[0]!);
    for (const row of run) {
      values.push(row.name, row.aggFunc);
      if (this.hasLabels) values.push(row.labels ?? NO_LABELS);
      values.push(row.value, row.count, row.revision);
    }
    if (statement.run(...values).changes === run.length) return [];
    return run.map((row) => ({ row, held: this.heldInstead(row) })).filter(({ row, held }) => held !== row);
  }

  /** The row itself, or what the table has in its stead; undefined: nothing. */
  private heldInstead(row: Aggregate): Aggregate | undefined {
    const held = this.held(row);
    if (held === undefined) return undefined;
    return held.value === row.value && held.count === row.count ? row : { ...row, ...held };
  }

  /** The row in the table with the same key, at the same revision or a higher one. */
  held(row: Aggregate): Pick<Aggregate, "value" | "count" | "revision"> | undefined {
    const { aggFunc, labels = NO_LABELS, name, revision } = row;
    const values = [...this.sharedBy(row), name, aggFunc, ...(this.hasLabels ? [labels] : []), revision];
    return this.holding.get(...values) as ReturnType<RowStatements["held"]>;
  }

  /** The parts of the key that the rows of a run share. */
  private sharedBy({ windowEndMs, windowStartMs }: Aggregate): (string | number)[] {
    return [windowStartMs / 1000, windowEndMs / 1000, this.instance];
  }
}
