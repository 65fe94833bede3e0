import type { PostgresConnection } from "../../src/sinks/postgres/postgres_connection.ts";
import { loadConfig, sourcesOf } from "../settings/sources.ts";

/** What the configuration makes of a connection string, files that it names included. */
export function postgresConnection(connectionString: string): PostgresConnection {
  const environment = { STORAGE_TYPE: "postgres", POSTGRES_CONNECTION_STRING: connectionString };
  const sources = { ...sourcesOf({ environment }), readFile: (path: string) => Deno.readTextFileSync(path) };
  const [sink] = loadConfig({ ...sources, envFile: "/dev/null" }).sinks;
  return (sink!.options as { readonly connection: PostgresConnection }).connection;
}
