import type { DatabaseSync } from "node:sqlite";
import { openDatabase } from "../platform/file/database.ts";

/** A row of the sink as the demo shows it. `window_start` in Unix seconds. */
export interface ShownAggregate {
  readonly name: string;
  /** JSON. */
  readonly labels: string;
  readonly agg_func: string;
  readonly window_start: number;
  readonly value: number;
  readonly count: number;
  readonly revision: number;
}

/** A row before and after a late event came. */
export interface Correction {
  readonly before: ShownAggregate;
  readonly after: ShownAggregate;
}

const SHOWN_AGGREGATES = 6;
/** So many rows are remembered, to tell what a correction has changed: some 20 windows of the demo. */
const REMEMBERED_ROWS = 2000;

/** Not every late event changes a minimum. */
function isTelling(correction: Correction | undefined): boolean {
  return correction !== undefined && correction.before.value !== correction.after.value;
}

/** What has arrived in the demo's sink, looked at again and again. */
export class DemoSink {
  private remembered = new Map<string, ShownAggregate>();

  constructor(private readonly path: string) {}

  /** The newest rows, and the newest one that was corrected since the last look, if any was. */
  look(): { newest: readonly ShownAggregate[]; correction: Correction | undefined } {
    const rows = this.read();
    let correction: Correction | undefined;
    const seen = new Map<string, ShownAggregate>();
    for (const after of rows) {
      const key = `${after.window_start} ${after.agg_func} ${after.name} ${after.labels}`;
      const before = this.remembered.get(key);
      if (before !== undefined && before.revision < after.revision && !isTelling(correction)) {
        correction = { before, after };
      }
      seen.set(key, after);
    }
    if (rows.length > 0) this.remembered = seen;
    return { newest: rows.slice(0, SHOWN_AGGREGATES), correction };
  }

  private read(): ShownAggregate[] {
    let database: DatabaseSync | undefined;
    try {
      database = openDatabase(this.path, { readOnly: true });
      return database.prepare(
        `SELECT name, labels, agg_func, window_start, value, count, revision FROM aggregated_events
         ORDER BY window_start DESC, name LIMIT ${REMEMBERED_ROWS}`,
      ).all() as unknown as ShownAggregate[];
    } catch {
      // The sink has not made its file yet, or is just writing it: shown a second later.
      return [];
    } finally {
      database?.close();
    }
  }
}
