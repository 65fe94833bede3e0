import { isHalfWritten } from "../../platform/file/database.ts";
import { oneLine } from "../../platform/log/printable.ts";

/**
 * - `held`: another process holds the state directory.
 * - `damaged`: the state file is not what was written; the program never continues from it silently.
 * - `foreign`: the state belongs to another instance or to other sinks.
 * - `newer`: a later version of the program wrote it.
 * - `missing`: there is no state (commands that only read).
 * - `exists`: something would be overwritten.
 * - `unwritable`: the disk is full, read-only, or a permission is missing; worth trying again.
 * - `untrusted`: another user may control the content of the directory.
 * - `gone`: the file was removed or replaced while it was used; it ends once the file is back.
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

/**
 * The only error that the state throws on purpose. `message` is for the operator: what is wrong and what to
 * do next.
 */
export class StateError extends Error {
  constructor(readonly kind: StateErrorKind, message: string, options?: ErrorOptions) {
    super(oneLine(message), options);
    this.name = "StateError";
  }
}

/** Whether the operation can be tried again: the state and the memory are unchanged. */
export function isWaitedOut(error: unknown): error is StateError {
  return error instanceof StateError && (error.kind === "unwritable" || error.kind === "gone");
}

const DAMAGED = /malformed|not a database|corrupt/i;
const UNWRITABLE =
  /disk is full|I\/O error|input\/output error|quota exceeded|readonly database|read-only|unable to open|database is locked|No space|os error (28|30|13)/i;

/**
 * Classifies an error of SQLite or of the file system. Other errors (defects) are returned unchanged.
 *
 * @param damage Message for a damaged file; default: the one of the state.
 */
export function toStateError(
  error: unknown,
  path: string,
  damage = (detail: string): StateError => damaged(path, detail),
): unknown {
  if (!(error instanceof Error) || error instanceof StateError) return error;
  if (isHalfWritten(error)) {
    return new StateError(
      "missing",
      `a process was killed while it prepared the state ${path}. Start the handler, which finishes it.`,
      { cause: error },
    );
  }
  if (DAMAGED.test(error.message)) return damage(error.message);
  if (UNWRITABLE.test(error.message)) {
    return new StateError(
      "unwritable",
      `${path} cannot be written: ${error.message}. Free space or mend the permissions; nothing is ` +
        "lost meanwhile.",
      { cause: error },
    );
  }
  return error;
}

/** @param obstacle The obstacle, as a part of a sentence. */
export function stateNotWritable(directory: string, obstacle: string): StateError {
  const advice = /no space left/.test(obstacle) ? "Free some" : "Mend that (who owns it?)";
  return new StateError(
    "unwritable",
    `the state directory ${directory} cannot be used: ${obstacle}. ${advice}, or set STATE_DIR.`,
  );
}

const RESTORE_OR_BEGIN_ANEW =
  "Restore it from a backup, or move it away to begin again from the oldest events the bus still has.";

export function damaged(path: string, detail: string, wayOut = RESTORE_OR_BEGIN_ANEW): StateError {
  return new StateError(
    "damaged",
    `the state file ${path} is damaged (${detail}). It is left as it is. ${wayOut}`,
  );
}
