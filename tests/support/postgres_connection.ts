import type { PostgresConnection } from "../../src/sinks/postgres/postgres_connection.ts";
import { loadConfig, sourcesOf } from "../settings/sources.ts";

/** The connection that the configuration makes of a connection string and of the files that it names. */
export function postgresConnection(connectionString: string): PostgresConnection {
  const environment = { STORAGE_TYPE: "postgres", POSTGRES_CONNECTION_STRING: connectionString };
  const sources = { ...sourcesOf({ environment }), readFile: (path: string) => Deno.readTextFileSync(path) };
  const [sink] = loadConfig({ ...sources, envFile: "/dev/null" }).sinks;
  return (sink!.options as { readonly connection: PostgresConnection }).connection;
}
