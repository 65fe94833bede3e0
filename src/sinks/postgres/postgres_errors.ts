import { SinkError, type SinkErrorKind, UnexplainedRefusal } from "../../contract/sink.ts";
import { reasonOf } from "../../platform/log/denial.ts";

/** The value of `what` for {@link toPostgresSinkError} where rows are written. */
export const WRITING = "the rows";
/**
 * Classes of connection, transaction, resources, operators and the server's system. No row is condemned for
 * these.
 */
const NEVER_OF_A_ROW = ["08", "25", "28", "40", "53", "57", "58"];
/**
 * The server's function that finds the partition of a row. Its error has SQLSTATE 23514 and a message in the
 * server's language.
 */
const NO_PARTITION_ROUTINE = "ExecFindPartition";
/** The driver's code where the server has not signed the login with the password. */
const FOREIGN_SERVER = "SASL_SIGNATURE_MISMATCH";

interface DriverError {
  readonly name: string;
  readonly message: string;
  /** The server's SQLSTATE, five characters, or the network's code, such as `ECONNREFUSED`. */
  readonly code?: string;
  /** The server's function that has raised the error. */
  readonly routine?: string;
}

/**
 * Classifies errors by SQLSTATE (PostgreSQL manual, appendix A). Errors of a row are `rejected`, errors that
 * an operator has to mend are `misconfigured`, and errors of the network and of the server itself are
 * `unavailable`. Triggers, policies and extensions may raise any state for a single row. So where rows are
 * written, an error that is not about connection, transaction, resources or operators is `unexplained`.
 */
export function toPostgresSinkError(error: unknown, what: string, address: string): SinkError {
  const { name, message, code = "", routine } = error as DriverError;
  if (name !== "PostgresError") {
    // The driver throws other errors for answers that no real server gives.
    const isStrange = error instanceof TypeError || error instanceof RangeError;
    const distrust = isStrange ? undefined : distrustIn(message);
    const text = isStrange
      ? `What answers at ${address} sends what the driver cannot read (${message}). Is this a PostgreSQL?`
      : `PostgreSQL at ${address} ${
        distrust ?? `${DRIVER_WORDS[code] ?? `is out of reach: ${reasonOf(message) || code}`}.`
      }`;
    const kind = distrust !== undefined || code === FOREIGN_SERVER ? "misconfigured" : "unavailable";
    return new SinkError(kind, text, { cause: error });
  }
  const text = `PostgreSQL at ${address} refused ${what}: ${message} (SQLSTATE ${code}).${
    adviceOfWords(code, message) ?? advice(code)
  }`;
  const kind = isOfPooler(code, message) ? "misconfigured" : kindOfState(code, routine);
  const isOfRows = what === WRITING;
  if (!isOfRows || !isUnexplained(code, kind)) return new SinkError(kind, text, { cause: error });
  return new UnexplainedRefusal(`(SQLSTATE ${code})`, kind as "unavailable" | "misconfigured", text, {
    cause: error,
  });
}

/** Whether a state that is usually not about a row may be about one all the same. */
function isUnexplained(state: string, kind: SinkErrorKind): boolean {
  if (kind !== "unavailable" && kind !== "misconfigured") return false;
  return !NEVER_OF_A_ROW.includes(state.slice(0, 2));
}

function kindOfState(state: string, routine: string | undefined): SinkErrorKind {
  // Rows contain no null. So a column that must not be null and has no default is a fault of the table, not
  // of the row.
  if (state === "23502") return "misconfigured";
  // A statement_timeout, or somebody's pg_cancel_backend; a lock_timeout.
  if (state === "57014" || state === "55P03") return "timed_out";
  // The partition may still be created, and the row that a key refers to may still come.
  if (routine === NO_PARTITION_ROUTINE || state === "23503") return "postponed";
  switch (state.slice(0, 2)) {
    case "22": // data exception
    case "23": // integrity constraint violation
    case "44": // WITH CHECK OPTION violation
    case "54": // program limit exceeded, such as a key too long for its index
      return "rejected";
    case "0A": // feature not supported, such as an upsert into a view
    case "28": // invalid authorization
    case "3D": // no such database
    case "3F": // no such schema
    case "F0": // the server's own configuration
    case "42": // undefined table or column, wrong type, no privilege
      return "misconfigured";
    default:
      return "unavailable";
  }
}

/**
 * Texts for operators in place of the driver's own messages, by the driver's error codes. The driver's
 * messages are for programmers.
 */
const DRIVER_WORDS: Readonly<Record<string, string>> = {
  CONNECT_TIMEOUT:
    "has not answered the login in time (connect_timeout); a pooler may wait for the server behind it",
  CONNECTION_CLOSED: "has closed the connection: it was restarted, or somebody or something in between has " +
    "ended it. PgBouncer closes each one where pool_mode is statement",
  [FOREIGN_SERVER]: "does not prove that it knows the password. Check host and port in " +
    "POSTGRES_CONNECTION_STRING: another server may answer there",
};

/** The message where the server's certificate is not accepted; undefined: the error is another one. */
function distrustIn(message: string): string | undefined {
  if (!/certificate/i.test(message)) return undefined;
  const wayOut = /altnames|does not match/i.test(message)
    ? "Name the server in POSTGRES_CONNECTION_STRING as its certificate does, or set sslmode=verify-ca"
    : /expired|not yet valid/i.test(message)
    ? "Renew it there, or set the clock of this host right"
    : "Name the authority that signed it with sslrootcert in POSTGRES_CONNECTION_STRING, or with " +
      "POSTGRES_SSL_CA_FILE";
  return `has a certificate that is not trusted: ${message}. ${wayOut}.`;
}

/** PgBouncer gives all of its own refusals the state of a protocol violation. An operator must mend these. */
const POOLER_REFUSALS: readonly (readonly [RegExp, string])[] = [
  [
    /no such database|database .* (?:does not exist|not found)/i,
    " Check the database in POSTGRES_CONNECTION_STRING and in PgBouncer's [databases].",
  ],
  [
    /no such user|auth|password/i,
    " Check user and password in POSTGRES_CONNECTION_STRING and PgBouncer's auth_file.",
  ],
  [
    /unsupported startup parameter/i,
    " Leave it out of POSTGRES_CONNECTION_STRING, or add it to PgBouncer's ignore_startup_parameters.",
  ],
  [/SSL required|TLS required/i, " Set sslmode=require in POSTGRES_CONNECTION_STRING."],
];
const OF_THE_PROTOCOL = "08P01";

function isOfPooler(state: string, message: string): boolean {
  return state === OF_THE_PROTOCOL && POOLER_REFUSALS.some(([pattern]) => pattern.test(message));
}

/** Messages that tell more than the state. */
function adviceOfWords(state: string, message: string): string | undefined {
  if (/no more connections allowed|max_client_conn|query_wait_timeout|pool_size/i.test(message)) {
    return " PgBouncer's pool is full: raise max_client_conn or default_pool_size there, or end " +
      "the programs that hold its connections.";
  }
  if (/client certificate/i.test(message)) {
    return " It wants a client certificate: name it with sslcert and sslkey in " +
      "POSTGRES_CONNECTION_STRING, and the authority that signed it with ssl_ca_file there.";
  }
  if (/pg_hba\.conf.*(?:no encryption|SSL off)/i.test(message)) {
    return " The server may want TLS: set sslmode=require in POSTGRES_CONNECTION_STRING, or allow " +
      "this host in pg_hba.conf.";
  }
  if (/pg_hba\.conf.*(?:SSL encryption|SSL on)/i.test(message)) {
    return " The server may want no TLS: set sslmode=disable in POSTGRES_CONNECTION_STRING, or allow " +
      "this host in pg_hba.conf.";
  }
  if (/row-level security/i.test(message)) {
    return " A policy of the table refuses the row, as a privilege would not: let the policies for INSERT, " +
      "UPDATE and SELECT pass it, or give the user BYPASSRLS.";
  }
  if (/deferrable/i.test(message)) {
    return " Make the primary key anew, without DEFERRABLE. The rows wait meanwhile.";
  }
  if (state !== OF_THE_PROTOCOL) return undefined;
  return POOLER_REFUSALS.find(([pattern]) => pattern.test(message))?.[1];
}

function advice(state: string): string {
  switch (state) {
    case "28P01":
    case "28000":
      return " Check user and password in POSTGRES_CONNECTION_STRING and the server's pg_hba.conf.";
    case "3D000":
      return " Check the database in POSTGRES_CONNECTION_STRING.";
    case "3F000":
      return " Create the schema, or change POSTGRES_TABLE.";
    case "42501":
      return " Grant the privilege to the user, or let somebody else create the table.";
    case "25006":
      return " The server only reads: it is a standby, or default_transaction_read_only is on for " +
        "this user or database. Name the one that writes in POSTGRES_CONNECTION_STRING.";
    case "57014":
      return " A statement_timeout of this user or database has ended it, or somebody did. Smaller batches " +
        "are tried; where it comes again, raise it: ALTER ROLE … SET statement_timeout.";
    case "55P03":
      return " Another session locks the table for longer than lock_timeout: pg_locks says which. The rows " +
        "wait meanwhile.";
    case "42703": // undefined column
    case "42804": // wrong type
    case "42P10": // no such primary key
    case "23502":
      return " The table is not the handler's; name another one with POSTGRES_TABLE.";
    default:
      return "";
  }
}
