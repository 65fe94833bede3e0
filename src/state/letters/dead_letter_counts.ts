import type { StateDatabase } from "../file/state_database.ts";
import { BOUNDED_REASONS, DEAD_LETTER_REASONS, type DeadLetterReason } from "./dead_letter_reason.ts";
import type { DeadLetterBound } from "./dead_letter_bound.ts";

/** The dead letters that are kept, and how far they fill their bound. */
export interface DeadLetterStock {
  readonly byReason: ReadonlyMap<DeadLetterReason, number>;
  /** Those that the bound counts. */
  readonly bounded: DeadLetterBound;
  readonly bound: DeadLetterBound;
}

/**
 * Counts the dead letters that are kept, as they come and go. Counting them anew would read all of them,
 * which takes too long for a look at the handler.
 *
 * The counts are in a table in memory, of this connection alone, which triggers keep. So they follow each
 * transaction, also one that is rolled back. No other connection changes dead letters while the handler runs.
 */
export class DeadLetterCounts {
  constructor(private readonly state: StateDatabase, private readonly bound: DeadLetterBound) {
    // A row that is replaced is deleted and inserted; only so do the triggers see both.
    state.exec("PRAGMA temp_store = MEMORY; PRAGMA recursive_triggers = ON");
    state.exec(
      "CREATE TEMP TABLE dead_letter_count (reason TEXT PRIMARY KEY, kept INTEGER NOT NULL, bytes INTEGER " +
        "NOT NULL)",
    );
    for (const reason of DEAD_LETTER_REASONS) {
      state.run("INSERT INTO temp.dead_letter_count VALUES (?, 0, 0)", reason);
    }
    state.exec(
      `UPDATE temp.dead_letter_count SET kept = found.kept, bytes = found.bytes FROM (
         SELECT reason, count(*) AS kept, coalesce(sum(length(raw)), 0) AS bytes
         FROM main.dead_letter WHERE NOT purged GROUP BY reason
       ) AS found WHERE dead_letter_count.reason = found.reason;
       ${trigger("added", "INSERT", "NOT new.purged", "+", "new")}
       ${trigger("deleted", "DELETE", "NOT old.purged", "-", "old")}`,
    );
  }

  /** As of the last commit; those that are purged are not counted. @throws {StateError} */
  stock(): DeadLetterStock {
    const rows = this.state.all<{ reason: DeadLetterReason; kept: number; bytes: number }>(
      "SELECT reason, kept, bytes FROM temp.dead_letter_count",
    );
    const bounded = rows.filter(({ reason }) => (BOUNDED_REASONS as readonly string[]).includes(reason));
    return {
      byReason: new Map(rows.map(({ reason, kept }) => [reason, kept])),
      bounded: {
        deadLetters: bounded.reduce((sum, { kept }) => sum + kept, 0),
        bytes: bounded.reduce((sum, { bytes }) => sum + bytes, 0),
      },
      bound: this.bound,
    };
  }
}

function trigger(
  name: string,
  event: string,
  condition: string,
  sign: "+" | "-",
  row: "old" | "new",
): string {
  return `CREATE TEMP TRIGGER dead_letter_${name} AFTER ${event} ON main.dead_letter WHEN ${condition} BEGIN
    UPDATE dead_letter_count SET kept = kept ${sign} 1, bytes = bytes ${sign} coalesce(length(${row}.raw), 0)
    WHERE reason = ${row}.reason; END;`;
}
