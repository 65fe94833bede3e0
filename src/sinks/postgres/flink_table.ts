import type { FlinkCannot, FlinkOption, FlinkSinkTable, FlinkTerms } from "../../contract/flink_table.ts";
import type { PostgresConnection } from "./postgres_connection.ts";

const TARGETS = { any: "any", "read-write": "primary", primary: "primary" } as const;

/** How Flink writes into the table: by JDBC, which overwrites the row of the same key. */
export function flinkTableOf(
  connection: PostgresConnection,
  table: string,
  { secret }: FlinkTerms,
): FlinkSinkTable | FlinkCannot {
  const { hosts, user, password, tls } = connection;
  if (hosts.some(({ host }) => host.startsWith("/"))) {
    return { cannot: "JDBC does not reach a server by a Unix socket: name it with host and port." };
  }
  if (user === undefined) {
    return {
      cannot: "The connection string names no user, and the user of Flink's processes is another one.",
    };
  }
  // The connector wants both or none.
  const credentials: FlinkOption[] = [
    ["username", user],
    ["password", password === undefined ? "" : secret("POSTGRES_PASSWORD", password)],
  ];
  return {
    rows: "columns",
    options: [
      ["connector", "jdbc"],
      ["url", urlOf(connection)],
      ["table-name", table],
      ...credentials,
      ["sink.buffer-flush.max-rows", "1000"],
      ["sink.buffer-flush.interval", "1 s"],
    ],
    notes: [
      ...(password === undefined
        ? []
        : ["${POSTGRES_PASSWORD} stands for the password of POSTGRES_CONNECTION_STRING."]),
      "The table must be there: the handler makes it, and so does the statement in docs/aggregates.md.",
      ...(tls.provesServer
        ? ["Each TaskManager needs the authority of the server's certificate as ~/.postgresql/root.crt."]
        : []),
      ...(tls.cert === undefined
        ? []
        : ["JDBC reads the client certificate from ~/.postgresql/postgresql.crt and postgresql.pk8."]),
    ],
  };
}

/** `stringtype` lets the server read texts as `jsonb` and `timestamptz`, which Flink does not know. */
function urlOf({ hosts, user, database, applicationName, target, tls }: PostgresConnection): string {
  const servers = hosts.map(({ host, address, port }) => {
    const name = address ?? host;
    return `${name.includes(":") ? `[${name}]` : name}:${port}`;
  });
  const parameters = new URLSearchParams({
    stringtype: "unspecified",
    sslmode: tls.mode,
    ApplicationName: applicationName,
  });
  if (hosts.length > 1 || target !== "any") parameters.set("targetServerType", TARGETS[target]);
  return `jdbc:postgresql://${servers.join(",")}/${encodeURIComponent(database ?? user ?? "")}?${parameters}`;
}
