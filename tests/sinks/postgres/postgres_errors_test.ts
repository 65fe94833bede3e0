import assert from "node:assert/strict";
import { UnexplainedRefusal } from "../../../src/contract/sink.ts";
import { toPostgresSinkError, WRITING } from "../../../src/sinks/postgres/postgres_errors.ts";

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
    /^PostgreSQL at db:5432 has closed the connection: it was restarted.*pool_mode is statement/,
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
    { name: "PostgresError", code: "57014", message: "canceling statement due to statement timeout" },
    "timed_out",
    /statement timeout \(SQLSTATE 57014\)\. A statement_timeout .* has ended it.*ALTER ROLE/,
  ],
  [
    { name: "PostgresError", code: "55P03", message: "canceling statement due to lock timeout" },
    "timed_out",
    /lock timeout \(SQLSTATE 55P03\)\. Another session locks the table.*pg_locks/,
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

/** What the server refuses with a state, where rows are written if nothing else is said. */
function refused(code: string, message = "no", what = WRITING, routine?: string) {
  return toPostgresSinkError({ name: "PostgresError", code, message, routine }, what, "db:5432");
}

Deno.test("the class of a state says what is to be done about a refusal of rows", () => {
  const kinds: readonly (readonly [codes: string, kind: string, isUnexplained: boolean])[] = [
    ["23502", "misconfigured", true],
    ["57014 55P03", "timed_out", false],
    ["23503", "postponed", false],
    ["22003 23505 23514 44000 54000", "rejected", false],
    ["0A000 3D000 3F000 F0000 42P01 42501", "misconfigured", true],
    ["28000 28P01", "misconfigured", false],
    ["P0001 XX000 55006 72000", "unavailable", true],
    ["08006 25006 40001 40P01 53100 57P01 58030", "unavailable", false],
  ];
  for (const [codes, kind, isUnexplained] of kinds) {
    for (const code of codes.split(" ")) {
      const error = refused(code);
      assert.deepEqual([error.kind, error instanceof UnexplainedRefusal], [
        isUnexplained ? "unexplained" : kind,
        isUnexplained,
      ], code);
      if (error instanceof UnexplainedRefusal) {
        assert.deepEqual([error.otherwise, error.sameness], [kind, `(SQLSTATE ${code})`]);
      }
      const otherwise = refused(code, "no", "the connection");
      assert.equal(otherwise instanceof UnexplainedRefusal, false, "no row is written");
      assert.equal(otherwise.kind, kind);
    }
  }
  assert.equal(refused("23514", "no", WRITING, "ExecFindPartition").kind, "postponed");
});

Deno.test("a refusal names the server, the words and the state, and what to do", () => {
  const advice: readonly (readonly [codes: string, advice: RegExp])[] = [
    [
      "28P01 28000",
      /\. Check user and password in POSTGRES_CONNECTION_STRING and the server's pg_hba\.conf\.$/,
    ],
    ["3D000", /\. Check the database in POSTGRES_CONNECTION_STRING\.$/],
    ["3F000", /\. Create the schema, or change POSTGRES_TABLE\.$/],
    ["42501", /\. Grant the privilege to the user, or let somebody else create the table\.$/],
    ["25006", /\. The server only reads: /],
    ["42703 42804 42P10 23502", /\. The table is not the handler's; name another one with POSTGRES_TABLE\.$/],
    ["42P01 P0001", /^PostgreSQL at db:5432 refused the rows: no \(SQLSTATE \w+\)\.$/],
  ];
  for (const [codes, words] of advice) {
    for (const code of codes.split(" ")) {
      assert.match(refused(code).message, words, code);
      assert.match(refused(code).message, /^PostgreSQL at db:5432 refused the rows: no \(SQLSTATE /);
    }
  }
});

Deno.test("messages that tell more than the state lead to their own advice", () => {
  const cases: readonly (readonly [code: string, message: string, kind: string, advice: RegExp])[] = [
    ["53300", "no more connections allowed (max_client_conn)", "unavailable", /PgBouncer's pool is full/],
    ["08P01", "query_wait_timeout", "unavailable", /PgBouncer's pool is full/],
    [
      "28000",
      'no pg_hba.conf entry for host "h", no encryption',
      "misconfigured",
      /may want TLS: set sslmode=req/,
    ],
    ["28000", 'no pg_hba.conf entry for host "h", SSL off', "misconfigured", /may want TLS: set sslmode=req/],
    [
      "28000",
      "pg_hba.conf rejects connection, SSL encryption",
      "misconfigured",
      /may want no TLS: set sslmode=dis/,
    ],
    ["28000", "pg_hba.conf rejects connection, SSL on", "misconfigured", /may want no TLS: set sslmode=dis/],
    ["08P01", 'database "x" does not exist', "misconfigured", /PgBouncer's \[databases\]/],
    ["08P01", "no such database: x", "misconfigured", /PgBouncer's \[databases\]/],
    ["08P01", "unsupported startup parameter: x", "misconfigured", /ignore_startup_parameters/],
    ["08P01", "SSL required", "misconfigured", /Set sslmode=require/],
    ["08P01", "password authentication failed", "misconfigured", /PgBouncer's auth_file/],
    [
      "42501",
      'new row violates row-level security policy for table "t"',
      "misconfigured",
      /A policy of the table refuses the row, .* BYPASSRLS\.$/,
    ],
    [
      "55000",
      "ON CONFLICT does not support deferrable unique constraints",
      "unavailable",
      /primary key anew, without DEFERRABLE\. The rows wait meanwhile\.$/,
    ],
    ["08P01", "strange", "unavailable", /strange \(SQLSTATE 08P01\)\.$/],
  ];
  for (const [code, message, kind, words] of cases) {
    const error = refused(code, message, "the connection");
    assert.equal(error.kind, kind, message);
    assert.match(error.message, words);
  }
});

Deno.test("a certificate that is not trusted is told with the way out", () => {
  const ways: readonly (readonly [message: string, wayOut: RegExp])[] = [
    ["Hostname/IP does not match certificate's altnames", /Name the server .* or set sslmode=verify-ca\.$/],
    ["certificate is not yet valid", /Renew it there, or set the clock of this host right\.$/],
    ["self-signed certificate", /Name the authority that signed it with sslrootcert/],
  ];
  for (const [message, wayOut] of ways) {
    const error = toPostgresSinkError({ name: "Error", message }, WRITING, "db:5432");
    assert.equal(error.kind, "misconfigured");
    assert.match(error.message, /^PostgreSQL at db:5432 has a certificate that is not trusted: /);
    assert.match(error.message, wayOut);
  }
});

Deno.test("what the driver cannot read is no answer of a PostgreSQL", () => {
  for (const error of [new TypeError("x is undefined"), new RangeError("out of certificate range")]) {
    const told = toPostgresSinkError(error, WRITING, "db:5432");
    assert.equal(told.kind, "unavailable");
    assert.equal(
      told.message,
      `What answers at db:5432 sends what the driver cannot read (${error.message}). Is this a PostgreSQL?`,
    );
    assert.equal(told.cause, error);
  }
  const nameless = toPostgresSinkError(
    { name: "Error", code: "ECONNRESET", message: "" },
    WRITING,
    "db:5432",
  );
  assert.equal(nameless.message, "PostgreSQL at db:5432 is out of reach: ECONNRESET.");
});
