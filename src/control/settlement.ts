import type { Logger } from "../platform/log/logger.ts";
import { readAlarms, settleAlarms } from "../state/alarms.ts";
import { StateDatabase } from "../state/file/state_database.ts";
import { isWaitedOut } from "../state/file/state_error.ts";
import type { Proof } from "./proof.ts";

/**
 * Ends the alarms over sinks that have exactly the right rows.
 *
 * @param read The state of the proof.
 * @param action The command that has proven them, for the audit.
 * @throws {StateError}
 */
export function settleProven(
  actor: string,
  action: string,
  read: StateDatabase,
  stateDir: string,
  proof: Proof,
  logger: Logger,
): void {
  const proven = proof.sinks.filter((sink) => sink.difference_count === 0 && sink.failure === null)
    .map(({ sink }) => sink).filter((name) => readAlarms(read).some(({ sink }) => sink === name));
  if (proven.length === 0) return;
  const state = StateDatabase.openForRequest(stateDir);
  try {
    for (const sink of proven) {
      settleAlarms(state, sink, { who: actor, atMs: Date.now(), action, detail: sink });
      logger.info("the alarms over the sink are settled: it is proven", { sink });
    }
  } catch (error) {
    if (!isWaitedOut(error)) throw error;
    logger.warn("the alarms over proven sinks stand until somebody proves them who may write the state", {
      error: error.message,
    });
  } finally {
    state.close();
  }
}
