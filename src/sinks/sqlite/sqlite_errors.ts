import { isHalfWritten } from "../../platform/file/database.ts";
import { writeObstacle } from "../../platform/file/write_obstacle.ts";
import { SinkError, type SinkErrorKind, UnexplainedRefusal } from "../../contract/sink.ts";

const FILE_ADVICE = "Restore the file, or name another one with SQLITE_PATH.";
export const TABLE_ADVICE =
  "Its table aggregated_events is not the handler's; name another file with SQLITE_PATH.";

/**
 * Classes of errors by message, since the runtime gives the errors of opening a file no code. The first match
 * counts. Any other error is retried.
 */
const CLASSES: readonly (readonly [RegExp, SinkErrorKind, string])[] = [
  [/malformed|not a database/i, "misconfigured", FILE_ADVICE],
  // Rows contain no null. So a column that must have a value and has no default is a fault of the table, not
  // of the row.
  [/NOT NULL constraint failed: aggregated_events\./i, "misconfigured", TABLE_ADVICE],
  [
    /no such column|has no column|ON CONFLICT clause|it is a view|views may not be indexed/i,
    "misconfigured",
    TABLE_ADVICE,
  ],
  // The row that the key refers to may still come.
  [/FOREIGN KEY constraint failed/i, "postponed", ""],
  [/constraint failed|datatype mismatch|too big/i, "rejected", ""],
];

/**
 * Errors of the file, the disk, the memory and other processes' locks, which are never a row's fault: by
 * their primary result code (https://sqlite.org/rescode.html) and, where the runtime gives none, by message.
 */
const CODES_OF_THE_FILE: ReadonlySet<number> = new Set([5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 23, 26]);
const OF_THE_FILE =
  /malformed|not a database|locked|busy|\bdisk\b|no space|read-?only|unable to open|interrupt|out of memory|locking protocol|not open|finalized|auth/i;
/** SQLITE_CONSTRAINT_TRIGGER: the message is the trigger's own and may be anything. */
const TRIGGER_CODE = 1811;

/** Messages of a file that cannot be written. They have other causes as well. */
const PERHAPS_OF_RIGHTS =
  /unable to open|read-?only|permission denied|not permitted|not a directory|already exists|file exists|no such file|Requires \w+ access/i;
const PASSES = /no space|quota|too many/i;

/** Why nobody can write the file. */
export function notWritable(path: string, obstacle: string): SinkError {
  return new SinkError(
    PASSES.test(obstacle) ? "unavailable" : "misconfigured",
    `SQLite file ${path} cannot be written: ${obstacle}. Mend that, or name another file with SQLITE_PATH.`,
  );
}

/** Classifies errors of SQLite and of the file system where no row is written. */
export function toSqliteSinkError(error: unknown, path: string): SinkError {
  const message = messageOf(error);
  if (isHalfWritten(error)) {
    const detail =
      "a process was killed while it wrote the file. Start the handler, which undoes what is half done";
    return new SinkError("unavailable", `SQLite file ${path}: ${detail}.`, { cause: error });
  }
  const obstacle = PERHAPS_OF_RIGHTS.test(message) ? writeObstacle(path) : undefined;
  if (obstacle !== undefined) return notWritable(path, obstacle);
  const [, kind, advice] = CLASSES.find(([pattern]) => pattern.test(message)) ??
    [undefined, "unavailable", ""];
  return new SinkError(kind, `SQLite file ${path}: ${message}.${advice && ` ${advice}`}`, { cause: error });
}

/** Classifies errors of SQLite while a row is written. */
export function toSqliteRowError(error: unknown, path: string): SinkError {
  const message = messageOf(error);
  if (codeOf(error) === TRIGGER_CODE) {
    return new UnexplainedRefusal(message, "unavailable", `SQLite file ${path}: ${message}.`, {
      cause: error,
    });
  }
  const known = toSqliteSinkError(error, path);
  const { kind } = known;
  if (kind !== "unavailable" || isOfTheFile(error, message)) return known;
  return new UnexplainedRefusal(message, kind, known.message, { cause: error });
}

function isOfTheFile(error: unknown, message: string): boolean {
  const code = codeOf(error);
  return code === undefined ? OF_THE_FILE.test(message) : CODES_OF_THE_FILE.has(code & 0xff);
}

/** SQLite's extended result code, which the runtime adds to errors of statements. */
function codeOf(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | undefined)?.errcode;
  return typeof code === "number" ? code : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
