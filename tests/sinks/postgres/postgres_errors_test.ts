import assert from "node:assert/strict";
import { toPostgresSinkError } from "../../../src/sinks/postgres/postgres_errors.ts";

/** As the driver throws them; the words of PgBouncer and the server are what real ones said. */
const ERRORS: readonly (readonly [error: object, kind: string, said: RegExp])[] = [
  [
    { code: "CONNECT_TIMEOUT", message: "write CONNECT_TIMEOUT undefined:undefined" },
    "unavailable",
    /^PostgreSQL at db:5432 has not answered the login in time/,
  ],
  [
    { code: "CONNECTION_CLOSED", message: "write CONNECTION_CLOSED pooler" },
    "unavailable",
    /^PostgreSQL at db:5432 has closed the connection, .*pool_mode is statement/,
  ],
  [
    { code: "SASL_SIGNATURE_MISMATCH", message: "The server did not return the correct signature" },
    "misconfigured",
    /^PostgreSQL at db:5432 does not prove that it knows the password\. Check host and port/,
  ],
  [
    { code: "ENOTFOUND", message: "getaddrinfo ENOTFOUND db" },
    "unavailable",
    /^PostgreSQL at db:5432 is out of reach: getaddrinfo ENOTFOUND db\.$/,
  ],
  [
    { code: "ERR_TLS", message: "certificate has expired" },
    "misconfigured",
    /not trusted: certificate has expired\. Renew it/,
  ],
  [
    {
      name: "PostgresError",
      code: "F0000",
      message: "client certificates can only be checked if a root certificate store is available",
    },
    "misconfigured",
    /sslcert and sslkey .*ssl_ca_file/,
  ],
  [
    { name: "PostgresError", code: "08P01", message: "no such user: plant" },
    "misconfigured",
    /no such user: plant.*PgBouncer's auth_file/,
  ],
  [
    { name: "PostgresError", code: "23503", message: "violates foreign key constraint" },
    "postponed",
    /foreign key/,
  ],
  [
    {
      name: "PostgresError",
      code: "23514",
      routine: "ExecFindPartition",
      message: "no partition of relation found for row",
    },
    "postponed",
    /no partition/,
  ],
  [
    {
      name: "PostgresError",
      code: "23514",
      routine: "ExecConstraints",
      message: "violates check constraint",
    },
    "rejected",
    /check constraint/,
  ],
  // The same state for what is nobody's to mend, and the same words with another state.
  [
    { name: "PostgresError", code: "08P01", message: "server conn crashed?" },
    "unavailable",
    /server conn crashed/,
  ],
  [
    { name: "PostgresError", code: "57P01", message: "auth of the pooler ends" },
    "unavailable",
    /auth of the pooler/,
  ],
];

Deno.test("what stands between handler and server is named, and nothing of the driver's", () => {
  for (const [error, kind, said] of ERRORS) {
    const told = toPostgresSinkError({ name: "Error", ...error }, "the connection", "db:5432");
    assert.equal(told.kind, kind, told.message);
    assert.match(told.message, said);
    assert.doesNotMatch(told.message, /undefined|CONNECT_TIMEOUT|CONNECTION_CLOSED/);
  }
});
