import { noteResult } from "../audit.ts";
import type { StateDatabase } from "../file/state_database.ts";
import type { DeadLetterRequest } from "./dead_letters.ts";

/** What a checkpoint has made of operators' requests, by the numbers of dead letters. */
export interface SettledDeadLetters {
  readonly retried: readonly number[];
  /** Those of them that were refused again; left out: none. */
  readonly refusedAgain?: readonly number[];
  readonly purged: readonly number[];
}

const REFUSED_AGAIN = /; (\d+) of them refused again$/;

/** Adds the result of a request to its order's line in the audit, within the transaction of the caller. */
export function noteSettled(
  state: StateDatabase,
  id: number,
  { retried, refusedAgain = [], purged }: SettledDeadLetters,
): void {
  const request = state.get<{ auditId: number | null; action: DeadLetterRequest["action"]; ids: string }>(
    "SELECT audit_id AS auditId, action, dead_letter_ids AS ids FROM wish WHERE id = ?",
    id,
  );
  if (request === undefined || request.auditId === null) return;
  const ids = new Set(JSON.parse(request.ids) as number[]);
  const isRetry = request.action === "retry";
  noteResult(state, request.auditId, countIn(ids, isRetry ? retried : purged), (sum, earlier) => {
    if (!isRetry) return `${sum} purged`;
    // A large order is several requests, and its line has room for one sum: the other one is in its text.
    const again = Number(REFUSED_AGAIN.exec(earlier ?? "")?.[1] ?? 0) + countIn(ids, refusedAgain);
    return `${sum} taken in again${again === 0 ? "" : `; ${again} of them refused again`}`;
  });
}

function countIn(ids: ReadonlySet<number>, settled: readonly number[]): number {
  return new Set(settled.filter((id) => ids.has(id))).size;
}
