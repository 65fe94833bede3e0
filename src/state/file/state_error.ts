import { oneLine } from "../../platform/log/printable.ts";

/**
 * - `held`: another process holds the state directory.
 * - `damaged`: the state file is not what was written; never continued from silently.
 * - `foreign`: the state belongs to another instance or to other sinks.
 * - `newer`: a later version of the program wrote it.
 * - `missing`: there is no state (commands that only read).
 * - `exists`: there is something already that would be overwritten.
 * - `unwritable`: disk full, read-only, no permission; worth trying again.
 * - `untrusted`: another user may decide what the directory holds.
 * - `gone`: the file was removed or replaced while it was used; over once it is back.
 */
export type StateErrorKind =
  | "held"
  | "damaged"
  | "foreign"
  | "newer"
  | "missing"
  | "exists"
  | "unwritable"
  | "untrusted"
  | "gone";

/** The only error the store throws on purpose. `message` is for the operator: what is wrong and what to do next. */
export class StateError extends Error {
  constructor(readonly kind: StateErrorKind, message: string, options?: ErrorOptions) {
    super(oneLine(message), options);
    this.name = "StateError";
  }
}

/** Whether nothing can be done about it but wait: the state is what it was, and so is all that is in memory. */
export function isWaitedOut(error: unknown): error is StateError {
  return error instanceof StateError && (error.kind === "unwritable" || error.kind === "gone");
}

const DAMAGED = /malformed|not a database|corrupt/i;
const UNWRITABLE =
  /disk is full|I\/O error|readonly database|read-only|unable to open|database is locked|No space|os error (28|30|13)/i;

/**
 * Gives an error of SQLite or the file system its class; errors of another kind (defects) come back as they are.
 *
 * @param damage What to say of a damaged file; default: that of the state.
 */
export function toStateError(
  error: unknown,
  path: string,
  damage = (detail: string): StateError => damaged(path, detail),
): unknown {
  if (!(error instanceof Error) || error instanceof StateError) return error;
  if (DAMAGED.test(error.message)) return damage(error.message);
  if (UNWRITABLE.test(error.message)) {
    return new StateError(
      "unwritable",
      `${path} cannot be written: ${error.message}. Free space or mend the permissions; nothing is lost meanwhile.`,
      { cause: error },
    );
  }
  return error;
}

/** @param obstacle What is in the way, as a part of a sentence. */
export function stateNotWritable(directory: string, obstacle: string): StateError {
  return new StateError(
    "unwritable",
    `the state directory ${directory} cannot be used: ${obstacle}. Mend that (who owns it?), or set STATE_DIR.`,
  );
}

const RESTORE_OR_BEGIN_ANEW =
  "Restore it from a backup, or move it away to begin anew from the oldest events the bus still has.";

export function damaged(path: string, detail: string, wayOut = RESTORE_OR_BEGIN_ANEW): StateError {
  return new StateError(
    "damaged",
    `the state file ${path} is damaged (${detail}). It is left as it is. ${wayOut}`,
  );
}
