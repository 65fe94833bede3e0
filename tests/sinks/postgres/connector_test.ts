import assert from "node:assert/strict";
import { POSTGRES } from "../../../src/sinks/postgres/connector.ts";
import type { PostgresConnection } from "../../../src/sinks/postgres/postgres_connection.ts";
import { loadConfig, sourcesOf } from "../../settings/sources.ts";

const PEM = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
const FILES = { "/own.pem": PEM, "/other.pem": PEM.replace("AA==", "BB==") };

/** What is made of a connection string, and what is warned of. */
function configOf(connectionString: string, environment: Record<string, string> = {}) {
  const given = { STORAGE_TYPE: "postgres", POSTGRES_CONNECTION_STRING: connectionString, ...environment };
  const { sinks: [sink], warnings } = loadConfig(sourcesOf({ environment: given, files: FILES }));
  const options = sink!.options as { readonly connection: PostgresConnection };
  return { options, tls: options.connection.tls, warnings };
}

type TargetsOf = (options: unknown) => readonly string[];
type CredentialsOf = (options: unknown) => readonly { readonly host: string; readonly remedy: string }[];

const CA_FILE = { POSTGRES_SSL_CA_FILE: "/own.pem" };

Deno.test("an authority is named to be checked by; it proves the server where it is the operator's own", () => {
  const cases: [parameters: string, hasFile: boolean, mode: string, provesServer: boolean, ca: unknown][] = [
    ["", false, "prefer", false, undefined],
    ["", true, "verify-full", true, PEM],
    ["?sslmode=require", false, "require", false, undefined],
    ["?sslmode=require", true, "require", true, PEM],
    ["?sslmode=verify-ca", true, "verify-ca", true, PEM],
    ["?sslmode=verify-ca&sslrootcert=/other.pem", true, "verify-ca", true, FILES["/other.pem"]],
    ["?sslmode=verify-full", false, "verify-full", true, undefined],
    ["?sslmode=require&sslrootcert=/other.pem", false, "require", true, FILES["/other.pem"]],
    ["?sslrootcert=system", false, "verify-full", true, "system"],
  ];
  for (const [parameters, hasFile, mode, provesServer, ca] of cases) {
    const { tls } = configOf(`postgres://u@db/plant${parameters}`, hasFile ? CA_FILE : {});
    assert.deepEqual([tls.mode, tls.provesServer, tls.ca], [mode, provesServer, ca], parameters);
  }
});

Deno.test("an authority that nothing is checked by is a warning, and none to check by is a fault", () => {
  const warned = (parameters: string, environment: Record<string, string> = {}) =>
    configOf(`postgres://u@db/plant${parameters}`, environment).warnings
      .filter((warning) => warning.includes("no certificate is checked"));
  for (const mode of ["allow", "prefer"]) {
    assert.deepEqual(warned(`?sslmode=${mode}`, CA_FILE), [
      `POSTGRES_CONNECTION_STRING: POSTGRES_SSL_CA_FILE is set, but with sslmode=${mode} no certificate ` +
      "is checked: add sslmode=verify-full",
    ]);
    const [named, ...others] = warned(`?sslmode=${mode}&sslrootcert=/own.pem`);
    assert.match(named!, /^POSTGRES_CONNECTION_STRING: it has sslrootcert, but with sslmode=/);
    assert.deepEqual([others, warned(`?sslmode=${mode}`)], [[], []]);
  }
  assert.equal(warned("?sslmode=disable", CA_FILE).length, 1);
  assert.deepEqual(warned("", CA_FILE), []);
  assert.deepEqual(warned("?sslmode=require", CA_FILE), []);
  assert.throws(
    () => configOf("postgres://u@db/plant?sslmode=verify-ca"),
    /has sslmode=verify-ca without an authority .*: set POSTGRES_SSL_CA_FILE, or add sslrootcert/,
  );
});

Deno.test("two sinks write to the same table where server, database, schema and table are the same", () => {
  const targetsOf = (connectionString: string, table?: string) =>
    (POSTGRES.targetsOf as TargetsOf)(
      configOf(connectionString, table === undefined ? {} : { POSTGRES_TABLE: table }).options,
    );
  assert.deepEqual(targetsOf("postgres://u@a:1,b:2/plant", "rows"), [
    "a:1/plant/public.rows",
    "b:2/plant/public.rows",
  ]);
  assert.deepEqual(targetsOf("postgres://u@a:1", "own.rows"), ["a:1/u/own.rows"]);
  assert.deepEqual(targetsOf("host=a hostaddr=10.0.0.1 port=1 dbname=d", "rows"), [
    "10.0.0.1:1/d/public.rows",
  ]);
});

Deno.test("a password is at risk at each server, unless only logins are allowed that never send it", () => {
  const hostsOf = (connectionString: string) =>
    (POSTGRES.credentialsOf as CredentialsOf)(configOf(connectionString).options).map(({ host }) => host);
  const at = (parameters: string) => hostsOf(`postgres://u:secret@a,b/plant${parameters}`);
  assert.deepEqual(at(""), ["a", "b"]);
  assert.deepEqual(at("?require_auth=scram-sha-256"), []);
  assert.deepEqual(at("?require_auth=scram-sha-256,none"), []);
  assert.deepEqual(at("?require_auth=none"), []);
  assert.deepEqual(at("?require_auth=scram-sha-256,md5"), ["a", "b"]);
  assert.deepEqual(at("?require_auth=!scram-sha-256"), ["a", "b"]);
  assert.deepEqual(hostsOf("postgres://u@a/plant"), []);
  assert.deepEqual(hostsOf("host=/run/pg user=u password=secret dbname=d"), ["/run/pg"]);
  assert.deepEqual(hostsOf("host=a hostaddr=10.0.0.1 user=u password=secret dbname=d"), ["10.0.0.1"]);
});
