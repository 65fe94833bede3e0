import { SinkError, type SinkErrorKind } from "./sink.ts";

interface DriverError {
  readonly name: string;
  readonly message: string;
  /** Of the server: SQLSTATE, five characters. Of the network: `ECONNREFUSED` and the like. */
  readonly code?: string;
}

/**
 * Classifies by SQLSTATE (PostgreSQL manual, appendix A): what belongs to a row is `rejected`, what an operator has to
 * change is `misconfigured`, and all the rest, the network included, is `unavailable`.
 */
export function toPostgresSinkError(
  error: unknown,
  what: string,
  address: { readonly host: string; readonly port: number },
): SinkError {
  const { name, message, code = "" } = error as DriverError;
  const place = `${address.host}:${address.port}`;
  const isFromServer = name === "PostgresError";
  const kind = isFromServer ? kindOfState(code) : kindOfDriverError(code, message);
  const text = isFromServer
    ? `PostgreSQL at ${place} refused ${what}: ${message} (SQLSTATE ${code}).${advice(code)}`
    : `PostgreSQL at ${place} is out of reach: ${message || code}.`;
  return new SinkError(kind, text, { cause: error });
}

function kindOfState(state: string): SinkErrorKind {
  // We never send a null: a column that must not be null and has no default is the table's fault, not the row's.
  if (state === "23502") return "misconfigured";
  switch (state.slice(0, 2)) {
    case "22": // data exception
    case "23": // integrity constraint violation
    case "54": // program limit exceeded, such as a key too long for its index
      return "rejected";
    case "0A": // feature not supported, such as an upsert into a view
    case "28": // invalid authorization
    case "3D": // no such database
    case "3F": // no such schema
    case "42": // undefined table or column, wrong type, no privilege
      return "misconfigured";
    default:
      return "unavailable";
  }
}

function kindOfDriverError(code: string, message: string): SinkErrorKind {
  const isRefused = code === "SASL_SIGNATURE_MISMATCH" || /certificate/i.test(message);
  return isRefused ? "misconfigured" : "unavailable";
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
    case "42703": // undefined column
    case "42804": // wrong type
    case "42P10": // no such primary key
    case "23502":
      return " The table is not the handler's; name another one with POSTGRES_TABLE.";
    default:
      return "";
  }
}
