import { SinkError, type SinkErrorKind } from "./sink.ts";

const FILE_ADVICE = "Restore the file, or name another one with SQLITE_PATH.";
const TABLE_ADVICE = "Its table aggregated_events is not the handler's; name another file with SQLITE_PATH.";

/**
 * By message: the runtime gives SQLite's errors no code. The first that fits counts; what fits none, such as a full or
 * read-only disk and another's lock, passes by itself or by an operator's hand.
 */
const CLASSES: readonly (readonly [RegExp, SinkErrorKind, string])[] = [
  [/malformed|not a database/i, "misconfigured", FILE_ADVICE],
  // We never write a null: a column that must have a value and has no default is the table's fault, not the row's.
  [/NOT NULL constraint failed/i, "misconfigured", TABLE_ADVICE],
  [/no such column|has no column|ON CONFLICT clause|it is a view/i, "misconfigured", TABLE_ADVICE],
  [/constraint failed|datatype mismatch|too big/i, "rejected", ""],
];

/** Classifies what SQLite and the file system throw. */
export function toSqliteSinkError(error: unknown, path: string): SinkError {
  const message = error instanceof Error ? error.message : String(error);
  const [, kind, advice] = CLASSES.find(([pattern]) => pattern.test(message)) ??
    [undefined, "unavailable", ""];
  return new SinkError(kind, `SQLite file ${path}: ${message}.${advice && ` ${advice}`}`, { cause: error });
}
