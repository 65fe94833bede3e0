import type { Seal } from "./file/seal.ts";
import type { SealedDatabase } from "./file/seal_error.ts";

/** A change that an operator orders. */
export interface Order {
  /** The user, and who called sudo: `root (uid 0), by sudo from alice`. */
  readonly who: string;
  /** Unix ms. */
  readonly atMs: number;
  /** The order as on the command line: `dead-letters purge`, `--forget-sink`. */
  readonly action: string;
  /** The object of the order. */
  readonly detail: string;
}

/** An order as it is stored. */
export interface AuditLine extends Order {
  /** The result; undefined: there is none yet. */
  readonly result: string | undefined;
}

/** An open state, its seal included. */
interface AuditedDatabase extends SealedDatabase {
  readonly seal: Seal;
}

interface AuditRow {
  id: number;
  checksum: number;
  at_ms: number;
  who: string;
  action: string;
  detail: string;
  count: number;
  result: string | null;
}

/** Number of orders that are kept, the newest ones. */
export const AUDIT_MAX_LINES = 1000;
const TEXT_MAX_CHARACTERS = 500;

/** Stores an order, within the transaction of the caller. Returns the id of its entry. */
export function noteOrder(
  state: AuditedDatabase,
  { who, atMs, action, detail }: Order,
  result?: string,
): number {
  const [newest] = state.all<{ id: number | null }>("SELECT max(id) AS id FROM audit");
  const id = (newest?.id ?? 0) + 1;
  state.seal.put("audit", {
    id,
    at_ms: atMs,
    who: who.slice(0, TEXT_MAX_CHARACTERS),
    action,
    detail: detail.slice(0, TEXT_MAX_CHARACTERS),
    count: 0,
    result,
  });
  state.seal.remove("audit", "id <= ?", id - AUDIT_MAX_LINES);
  return id;
}

/**
 * Stores the result of an order, within the transaction of the caller. Does nothing where the entry is no
 * longer kept.
 *
 * @param count Added to the counts of earlier parts.
 * @param result Makes the text from the sum, and from the text of earlier parts.
 */
export function noteResult(
  state: AuditedDatabase,
  id: number,
  count: number,
  result: (sum: number, earlier: string | undefined) => string,
): void {
  const [row] = state.all<AuditRow>("SELECT * FROM audit WHERE id = ?", id);
  if (row === undefined) return;
  const { checksum, ...line } = row;
  const sum = line.count + count;
  state.seal.put("audit", { ...line, count: sum, result: result(sum, row.result ?? undefined) }, checksum);
}

/** The newest entries, newest first. */
export function readAudit(state: SealedDatabase, limit: number): AuditLine[] {
  return state.all<AuditRow>("SELECT * FROM audit ORDER BY id DESC LIMIT ?", limit).map((row) => ({
    who: row.who,
    atMs: row.at_ms,
    action: row.action,
    detail: row.detail,
    result: row.result ?? undefined,
  }));
}
