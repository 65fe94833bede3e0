import { sinkConnector } from "../../contract/connector.ts";
import type { Scope } from "../../settings/scope.ts";
import { flinkTableOf } from "./flink_table.ts";
import type { PostgresConnection } from "./postgres_connection.ts";
import type { PostgresParameters } from "./postgres_parameters.ts";
import { POSTGRES_SETTINGS } from "./postgres_settings.ts";

interface PostgresConfig {
  /** The connection, with the certificates that the connection string names. */
  readonly connection: PostgresConnection;
  /** Every secret text in the connection string. */
  readonly secrets: readonly string[];
  /** `table` or `schema.table`. */
  readonly table: string;
  readonly createTable: boolean;
}

type PostgresScope = Scope<typeof POSTGRES_SETTINGS>;

export const POSTGRES = sinkConnector({
  kind: "postgres",
  title: "PostgreSQL",
  settings: POSTGRES_SETTINGS,
  configure(scope: PostgresScope): PostgresConfig {
    const { POSTGRES_TABLE: table, POSTGRES_CREATE_TABLE: createTable } = scope.values;
    // Where the connection string is missing or at fault, this configuration is never used.
    const { parameters, secrets } = scope.values.POSTGRES_CONNECTION_STRING ??
      { parameters: {} as PostgresParameters, secrets: [] };
    return { connection: connectionOf(scope, parameters), secrets, table, createTable };
  },
  targetsOf: ({ connection: { hosts, database, user }, table }) => {
    const target = `${database ?? user ?? ""}/${table.includes(".") ? table : `public.${table}`}`;
    return hosts.map(({ host, address, port }) => `${address ?? host}:${port}/${target}`);
  },
  secretsOf: ({ secrets, connection }) => [...secrets, connection.tls.key],
  addressesOf: ({ connection: { hosts } }) =>
    hosts.map(({ host, address, port }) => ({
      setting: "POSTGRES_CONNECTION_STRING",
      address: `${address ?? host}:${port}`,
    })),
  credentialsOf({ connection: { password, hosts, tls, requiredLogin } }) {
    const isScramOnly = requiredLogin !== undefined && !requiredLogin.isNegated &&
      requiredLogin.methods.every((method) => method === "scram-sha-256" || method === "none");
    if (password === undefined || isScramOnly) return [];
    return hosts.map(({ host, address }) => ({
      credential: "the login of POSTGRES_CONNECTION_STRING",
      host: host.startsWith("/") ? host : address ?? host,
      isProtected: tls.provesServer,
      flaw: `over a connection that does not prove which server it is (sslmode=${tls.mode})`,
      remedy: "add sslmode=verify-full, with POSTGRES_SSL_CA_FILE where the authority is your own; or, " +
        "where the server has scram-sha-256, require_auth=scram-sha-256",
    }));
  },
  flink: ({ connection, table }, terms) => flinkTableOf(connection, table, terms),
  async create(config, { id, instance, logger }) {
    const { PostgresSink } = await import("./postgres_sink.ts");
    return new PostgresSink({ ...config, id, instance }, logger);
  },
  readBack: "cheap",
});

/** The parameters of a connection string, with the files that it names. */
function connectionOf(scope: PostgresScope, parameters: PostgresParameters): PostgresConnection {
  const { sslMode, isSslModeGiven, isDirectTls: isDirect, sslRootCert, sslCert, sslKey, ...rest } =
    parameters;
  const caFile = scope.values.POSTGRES_SSL_CA_FILE;
  // An authority is named so that certificates are checked against it.
  const mode = caFile !== undefined && !isSslModeGiven ? "verify-full" : sslMode;
  const pem = (parameter: string, path: string | undefined, label: string) =>
    path && scope.pemFile("POSTGRES_CONNECTION_STRING", path, label, parameter);
  const hasOwnAuthority = sslRootCert !== "system" && (sslRootCert ?? caFile) !== undefined;
  const tls = {
    mode,
    isDirect,
    // A public authority also signs certificates of other servers.
    provesServer: mode === "verify-full" || (["verify-ca", "require"].includes(mode) && hasOwnAuthority),
    ca: sslRootCert === "system"
      ? sslRootCert
      : pem("sslrootcert", sslRootCert, "CERTIFICATE") || scope.pem("POSTGRES_SSL_CA_FILE", "CERTIFICATE"),
    cert: pem("sslcert", sslCert, "CERTIFICATE"),
    key: pem("sslkey", sslKey, "PRIVATE KEY"),
  };
  if (mode === "verify-ca" && (sslRootCert ?? caFile) === undefined) {
    scope.fault(
      "POSTGRES_CONNECTION_STRING",
      "has sslmode=verify-ca without an authority to check the certificate by: set " +
        "POSTGRES_SSL_CA_FILE, or add sslrootcert",
    );
  }
  if ((sslRootCert ?? caFile) !== undefined && ["disable", "allow", "prefer"].includes(mode)) {
    const named = sslRootCert === undefined ? "POSTGRES_SSL_CA_FILE is set" : "it has sslrootcert";
    scope.warn(
      `POSTGRES_CONNECTION_STRING: ${named}, but with sslmode=${mode} no certificate is checked: ` +
        "add sslmode=verify-full",
    );
  }
  return { ...rest, tls };
}
