import { systemClock } from "../platform/clock/clock.ts";
import { noteOrder, noteResult, type Order } from "../state/audit.ts";
import { StateDatabase } from "../state/file/state_database.ts";

/** What the audit says of an order. */
export type Subject = Pick<Order, "action" | "detail">;

/**
 * Carries out an order that changes nothing in the state by itself. Its line in the audit is written first,
 * so that nothing is done of which there is no line.
 *
 * @param actor The operator.
 * @param work Does it. Returns the result for the audit, and the value for the caller.
 * @throws {StateError} The line cannot be written; nothing was done. @throws What the work throws.
 */
export async function audited<T>(
  actor: string,
  { action, detail }: Subject,
  stateDir: string,
  work: () => Promise<{ readonly result: string; readonly value: T }>,
): Promise<T> {
  const id = within(stateDir, (state) => noteOrder(state, orderOf(actor, action, detail)));
  const conclude = (result: string) => within(stateDir, (state) => noteResult(state, id, 0, () => result));
  try {
    const { result, value } = await work();
    conclude(result);
    return value;
  } catch (error) {
    conclude(`failed: ${(error as Error).message}`);
    throw error;
  }
}

/** Notes an order that is carried out at once. @throws {StateError} It cannot be noted. */
export function noted(actor: string, { action, detail }: Subject, stateDir: string, result: string): void {
  within(stateDir, (state) => noteOrder(state, orderOf(actor, action, detail), result));
}

/** An order of this moment. */
export function orderOf(who: string, action: string, detail: string): Order {
  return { who, atMs: systemClock.nowMs(), action, detail };
}

function within<T>(stateDir: string, work: (state: StateDatabase) => T): T {
  const state = StateDatabase.openForRequest(stateDir);
  try {
    return state.transaction(() => work(state));
  } finally {
    state.close();
  }
}
