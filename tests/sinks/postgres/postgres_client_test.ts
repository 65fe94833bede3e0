/**
 * Connection strings of libpq, against real servers: TLS in each of its modes, Unix sockets, several servers.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { PostgresClient } from "../../../src/sinks/postgres/postgres_client.ts";
import { SinkError } from "../../../src/contract/sink.ts";
import { Authority } from "../../support/certificates.ts";
import { freePort } from "../../support/free_port.ts";
import { postgresConnection } from "../../support/postgres_connection.ts";
import { type PostgresServer, startPostgres, unprivilegedAccount } from "../../support/postgres_server.ts";
import { SILENT } from "../../support/logs.ts";

const NEVER = new AbortController().signal;

/** What a server says of the connection that a string has led to. */
interface Session {
  readonly tls: boolean;
  readonly port: number | null;
  readonly application: string;
  readonly timeout: string;
  readonly user: string;
}

async function sessionOf(connectionString: string, attempt = 0): Promise<Session> {
  const client = new PostgresClient(postgresConnection(connectionString), attempt, SILENT);
  try {
    const [session] = await client.query("a question", NEVER, (sql) =>
      sql<Session[]>`
      select ssl as tls, inet_server_port() as port, current_setting('application_name') as application,
        current_setting('statement_timeout') as timeout, current_user::text as user
      from pg_stat_ssl where pid = pg_backend_pid()`);
    return session!;
  } finally {
    await client.close();
  }
}

async function refusalOf(connectionString: string): Promise<SinkError> {
  try {
    await sessionOf(connectionString);
  } catch (error) {
    assert.ok(error instanceof SinkError, `${error}`);
    return error;
  }
  assert.fail("the connection was made");
}

const HBA = `
local     all all            trust
hostssl   all tls_user   127.0.0.1/32 trust
hostnossl all plain_user 127.0.0.1/32 trust
hostssl   all cert_user  127.0.0.1/32 cert
host      all postgres   127.0.0.1/32 scram-sha-256
`;

Deno.test("connection strings of libpq, against real servers", async (t) => {
  const directory = await Deno.makeTempDir({ dir: "/tmp", prefix: "vabus-tls-" });
  await Deno.chmod(directory, 0o755);
  const authority = await Authority.create(directory, "authority");
  const stranger = await Authority.create(directory, "stranger");
  const { certFile, keyFile } = await authority.sign("server", ["DNS:db.example", "IP:127.0.0.1"]);
  const client = await authority.sign("cert_user", []);
  const hbaFile = join(directory, "hba.conf");
  await Deno.writeTextFile(hbaFile, HBA);
  const account = await unprivilegedAccount();
  if (account !== undefined) await Deno.chown(keyFile, account.uid, account.gid);

  const [secure, plain] = await Promise.all([
    startPostgres([
      ...[
        "ssl=on",
        `ssl_cert_file=${certFile}`,
        `ssl_key_file=${keyFile}`,
        `ssl_ca_file=${authority.caFile}`,
      ],
      `hba_file=${hbaFile}`,
    ]),
    startPostgres(["default_transaction_read_only=on"]),
  ]);
  try {
    await askAsOwner(
      secure,
      "create role tls_user login; create role plain_user login; create role cert_user login",
    );
    const port = new URL(secure.url).port;
    const at = (user: string, parameters: string, host = "127.0.0.1") =>
      `postgres://${user}@${host}:${port}/postgres?${parameters}`;
    const as = (parameters: string) => `${secure.url}?${parameters}`;

    await t.step("sslmode: whether there is TLS, as libpq has it", async () => {
      const modes: [string, boolean][] = [
        [secure.url, true],
        [as("sslmode=disable"), false],
        [as("sslmode=allow"), false],
        [as("sslmode=prefer"), true],
        [as("sslmode=require"), true],
        [as("ssl=true"), true],
        [at("tls_user", "sslmode=allow"), true],
        [at("plain_user", "sslmode=prefer"), false],
        [plain.url, false],
        [`${plain.url}?sslmode=allow`, false],
      ];
      for (const [text, tls] of modes) assert.equal((await sessionOf(text)).tls, tls, text);
    });

    await t.step("sslmode: what is refused says which setting to change", async () => {
      for (
        const [text, message] of [
          [at("tls_user", "sslmode=disable"), /no encryption|SSL off/],
          [at("plain_user", "sslmode=require"), /pg_hba\.conf/],
          [`${plain.url}?sslmode=require`, /offers no TLS, which sslmode=require asks for/],
        ] as const
      ) {
        const error = await refusalOf(text);
        assert.equal(error.kind, "misconfigured", text);
        assert.match(error.message, message);
      }
    });

    await t.step(
      "certificates: require checks none, verify-ca the authority, verify-full the name too",
      async () => {
        const named = (host: string, parameters: string) =>
          `${as(parameters)}&host=${host}&hostaddr=127.0.0.1`;
        const ca = `sslrootcert=${authority.caFile}`;
        for (
          const text of [
            named("db.example", `sslmode=verify-full&${ca}`),
            as(`sslmode=verify-full&${ca}`),
            named("elsewhere.example", `sslmode=verify-ca&${ca}`),
            named("elsewhere.example", `sslmode=require&${ca}`),
            named("elsewhere.example", "sslmode=require"),
            named("elsewhere.example", `sslmode=prefer&sslrootcert=${stranger.caFile}`),
          ]
        ) assert.equal((await sessionOf(text)).tls, true, text);
        const otherName = /certificate that is not trusted: .*Name the server .* or set sslmode=verify-ca\.$/;
        const otherAuthority = /certificate that is not trusted: .*sslrootcert .*POSTGRES_SSL_CA_FILE\.$/;
        for (
          const [text, message] of [
            [named("elsewhere.example", `sslmode=verify-full&${ca}`), otherName],
            [named("db.example", `sslmode=verify-full&sslrootcert=${stranger.caFile}`), otherAuthority],
            [named("db.example", `sslmode=verify-ca&sslrootcert=${stranger.caFile}`), otherAuthority],
            [named("db.example", `sslmode=require&sslrootcert=${stranger.caFile}`), otherAuthority],
            [named("db.example", "sslmode=verify-full"), otherAuthority],
            [named("db.example", "sslrootcert=system"), otherAuthority],
          ] as const
        ) {
          const error = await refusalOf(text);
          assert.equal(error.kind, "misconfigured", text);
          assert.match(error.message, message, text);
        }
      },
    );

    await t.step("a client certificate is shown where it is given", async () => {
      const files = `sslcert=${client.certFile}&sslkey=${client.keyFile}`;
      assert.equal((await sessionOf(at("cert_user", `sslmode=require&${files}`))).user, "cert_user");
      const error = await refusalOf(at("cert_user", "sslmode=require"));
      assert.equal(error.kind, "misconfigured");
      assert.match(error.message, /wants a client certificate: name it with sslcert and sslkey/);
    });

    await t.step("a Unix socket, as a parameter, as a host, and as keywords", async () => {
      const [row] = await askAsOwner(secure, "show unix_socket_directories");
      const socket = Object.values(row!)[0] as string;
      for (
        const text of [
          `postgres://postgres@/postgres?host=${encodeURIComponent(socket)}&port=${port}`,
          `postgres://postgres@${encodeURIComponent(socket)}:${port}/postgres`,
          `host='${socket}' port=${port} user=postgres dbname=postgres`,
        ]
      ) {
        const { tls, port: tcpPort } = await sessionOf(text);
        assert.deepEqual([tls, tcpPort], [false, null], text);
      }
    });

    await t.step("what the session is to have: name, options", async () => {
      const { application, timeout } = await sessionOf(
        as("application_name=line%207&options=-c%20statement_timeout%3D7s"),
      );
      assert.deepEqual([application, timeout], ["line 7", "7s"]);
      assert.equal((await sessionOf(secure.url)).application, "vabus-data-handler");
    });

    await t.step(
      "several servers: the first that can be reached, each client beginning with another",
      async () => {
        const { username, password } = new URL(secure.url);
        const gone = freePort();
        const plainPort = new URL(plain.url).port;
        const on = (hosts: string) => `postgres://${username}:${password}@${hosts}/postgres`;
        const one = on(`127.0.0.1:${gone},127.0.0.1:${port}`);
        assert.equal((await sessionOf(one)).port, Number(port));
        const both = on(`127.0.0.1:${plainPort},127.0.0.1:${port}`);
        assert.equal((await sessionOf(both, 0)).port, Number(plainPort));
        assert.equal((await sessionOf(both, 1)).port, Number(port));
        const none = await refusalOf(on(`127.0.0.1:${gone},127.0.0.1:${gone}`));
        assert.equal(none.kind, "unavailable");
        assert.match(none.message, /None of the servers can be used/);
      },
    );

    await t.step(
      "target_session_attrs: a server that only reads, and a standby, are passed over",
      async () => {
        const { username, password } = new URL(secure.url);
        const plainPort = new URL(plain.url).port;
        const on = (ports: string[], target: string) => {
          const hosts = ports.map((port) => `127.0.0.1:${port}`).join(",");
          return `postgres://${username}:${password}@${hosts}/postgres?target_session_attrs=${target}`;
        };
        assert.equal((await sessionOf(on([plainPort, port], "read-write"))).port, Number(port));
        assert.equal((await sessionOf(on([plainPort, port], "primary"))).port, Number(plainPort));
        await becomeStandby(plain, account);
        assert.equal((await sessionOf(on([plainPort, port], "primary"))).port, Number(port));
        const error = await refusalOf(on([plainPort], "primary"));
        assert.equal(error.kind, "misconfigured");
        assert.match(error.message, /is a standby, and target_session_attrs=primary/);
      },
    );
  } finally {
    await Promise.all([secure.remove(), plain.remove()]);
    await Deno.remove(directory, { recursive: true });
  }
});

async function askAsOwner(server: PostgresServer, question: string): Promise<Record<string, unknown>[]> {
  const client = new PostgresClient(postgresConnection(server.url), 0, SILENT);
  try {
    return await client.query<Record<string, unknown>[]>("a question", NEVER, (sql) => sql.unsafe(question));
  } finally {
    await client.close();
  }
}

/** Without a server to follow: it only waits for what never comes, and can be read meanwhile. */
async function becomeStandby(
  server: PostgresServer,
  account: { readonly uid: number; readonly gid: number } | undefined,
): Promise<void> {
  const [row] = await askAsOwner(server, "show data_directory");
  const signalFile = join(Object.values(row!)[0] as string, "standby.signal");
  await server.stop();
  await Deno.writeTextFile(signalFile, "");
  if (account !== undefined) await Deno.chown(signalFile, account.uid, account.gid);
  await server.start();
}
