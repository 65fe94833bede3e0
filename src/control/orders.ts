import { AUDIT_MAX_LINES, type AuditLine, readAudit } from "../state/audit.ts";
import { StateDatabase } from "../state/file/state_database.ts";

/** The newest orders that a state keeps, newest first. @throws {StateError} */
export function newestOrders(stateDir: string, limit = AUDIT_MAX_LINES): AuditLine[] {
  const state = StateDatabase.openForReading(stateDir);
  try {
    return readAudit(state, limit);
  } finally {
    state.close();
  }
}
