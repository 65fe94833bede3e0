import { loadConfig, type PostgresConfig } from "../../src/settings/config.ts";
import { sourcesOf } from "../settings/sources.ts";

/** What the configuration makes of a connection string, files that it names included. */
export function postgresConnection(connectionString: string): PostgresConfig["connection"] {
  const environment = { STORAGE_TYPE: "postgres", POSTGRES_CONNECTION_STRING: connectionString };
  const sources = { ...sourcesOf({ environment }), readFile: (path: string) => Deno.readTextFileSync(path) };
  const [sink] = loadConfig({ ...sources, envFile: "/dev/null" }, () => []).sinks;
  return (sink as PostgresConfig).connection;
}
