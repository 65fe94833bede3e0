/**
 * A server that speaks another protocol than the settings say is named as such, with the setting to change,
 * by `check` and `run` alike.
 */
import { createServer, type Server } from "node:net";
import { type Environment, temporaryDirectory } from "../support/executable.ts";
import { freePort } from "../support/free_port.ts";
import { kafkaIsExternal } from "../support/kafka_broker.ts";
import { postgresIsExternal } from "../support/postgres_server.ts";
import { sharedKafka, sharedPostgres } from "../support/shared_servers.ts";
import { Authority } from "../support/certificates.ts";
import { handlerEnvironment } from "./plant.ts";
import { assertBothSay } from "./verdict.ts";

const TEXT = { LOG_FORMAT: "text" };

/** A server that says something at once, or something to whatever it is told. */
async function talker(
  words: string | Uint8Array,
  when: "at once" | "asked",
): Promise<{ port: number; server: Server }> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    if (when === "at once") socket.write(words);
    else socket.once("data", () => socket.end(words));
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  return { port: (server.address() as { port: number }).port, server };
}

/** A refusal as PgBouncer words its own. */
function postgresError(state: string, message: string): Uint8Array {
  const fields = new TextEncoder().encode(`SFATAL\0C${state}\0M${message}\0\0`);
  const packet = new Uint8Array(5 + fields.length);
  packet[0] = "E".charCodeAt(0);
  new DataView(packet.buffer).setInt32(1, 4 + fields.length);
  packet.set(fields, 5);
  return packet;
}

Deno.test("a wrong protocol is named, with the setting to change", async (t) => {
  await using directory = await temporaryDirectory();
  const authority = await Authority.create(directory.path, "plant");
  const { certFile, keyFile } = await authority.sign("server", ["IP:127.0.0.1"]);
  const [cert, key] = await Promise.all([certFile, keyFile].map((file) => Deno.readTextFile(file)));
  const answer = ({ url }: Request) =>
    new URL(url).pathname === "/page/events"
      ? new Response("<h1>Log in</h1>", { headers: { "content-type": "text/html; charset=utf-8" } })
      : new Response("{}", { headers: { "content-type": "application/json", "content-encoding": "br" } });
  const listen = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
  await using plain = Deno.serve(listen, answer);
  await using secure = Deno.serve({ ...listen, cert: cert!, key: key! }, answer);
  const ssh = await talker("SSH-2.0-OpenSSH_9.6\r\n", "at once");
  const postgres = await talker("N", "asked");
  const pooler = async (state: string, message: string) =>
    await talker(postgresError(state, message), "asked");
  const poolers = {
    database: await pooler("08P01", "no such database: plant"),
    user: await pooler("08P01", "no such user: plant"),
    parameter: await pooler("08P01", "unsupported startup parameter: extra_float_digits"),
    full: await pooler("08P01", "no more connections allowed (max_client_conn)"),
    hostssl: await pooler(
      "28000",
      'no pg_hba.conf entry for host "1.2.3.4", user "u", database "d", no encryption',
    ),
  };
  const at = (port: number) => `127.0.0.1:${port}`;
  const bus = (url: string): Environment => ({ VABUS_URL: url });
  const kafka = (port: number, more: Environment = {}): Environment => ({
    STORAGE_TYPE: "kafka",
    KAFKA_BOOTSTRAP_SERVERS: at(port),
    ...more,
  });
  const sql = (port: number, more = "?sslmode=disable"): Environment => ({
    STORAGE_TYPE: "postgres",
    POSTGRES_CONNECTION_STRING: `postgres://u:secret@${at(port)}/d${more}`,
  });
  const cases: Record<string, [RegExp, Environment]> = {
    "http to a bus with TLS": [
      /this port wants TLS: write https:\/\/ in VABUS_URL/,
      bus(`http://${at(secure.addr.port)}`),
    ],
    "https to a bus without": [
      /this port speaks plain HTTP: write http:\/\/ in VABUS_URL/,
      bus(`https://${at(plain.addr.port)}`),
    ],
    "a bus that is an SSH port": [/speaks SSH, not HTTP: .* VABUS_URL/, bus(`http://${at(ssh.port)}`)],
    "a bus that is PostgreSQL": [
      /speaks PostgreSQL, not HTTP: .* VABUS_URL/,
      bus(`http://${at(postgres.port)}`),
    ],
    "a bus that answers with a page": [
      /GET \/events was answered with a page, text\/html: is VABUS_URL/,
      bus(`http://${at(plain.addr.port)}/page`),
    ],
    "a bus that answers in another encoding": [
      /answered with the encoding br, which was not asked for/,
      bus(`http://${at(plain.addr.port)}`),
    ],
    "Kafka that is a web server": [
      /speaks HTTP, not Kafka's protocol\. .*KAFKA_BOOTSTRAP_SERVERS\./,
      kafka(plain.addr.port),
    ],
    "Kafka that is PostgreSQL": [
      /speaks PostgreSQL, not Kafka's protocol\. .*KAFKA_BOOTSTRAP_SERVERS\./,
      kafka(postgres.port),
    ],
    "Kafka that wants TLS": [/this port wants TLS\. Set KAFKA_SSL=true/, kafka(secure.addr.port)],
    "PostgreSQL that is a web server": [
      /speaks HTTP, not PostgreSQL's protocol\. .*POSTGRES_CONNECTION_STRING\./,
      sql(plain.addr.port),
    ],
    "PostgreSQL that is an SSH port": [
      /speaks SSH, not PostgreSQL's protocol\. .*STRING\./,
      sql(ssh.port, "?sslmode=require"),
    ],
    "PgBouncer without the database": [
      /no such database: plant .*\[databases\]\./,
      sql(poolers.database.port),
    ],
    "PgBouncer without the user": [/no such user: plant .*auth_file\./, sql(poolers.user.port)],
    "PgBouncer and a parameter": [
      /unsupported startup parameter.*ignore_startup_parameters\./,
      sql(poolers.parameter.port),
    ],
    "PgBouncer that is full": [
      /no more connections.*PgBouncer's pool is full.*hold its connections\./,
      sql(poolers.full.port),
    ],
    "pg_hba.conf with hostssl": [/no encryption.*set sslmode=require/, sql(poolers.hostssl.port)],
  };
  const servers = [ssh, postgres, ...Object.values(poolers)].map(({ server }) => server);
  try {
    for (const [what, [words, more]] of Object.entries(cases)) {
      await t.step(
        what,
        () =>
          assertBothSay(
            words,
            handlerEnvironment(`http://${at(plain.addr.port)}`, directory.path, { ...TEXT, ...more }),
          ),
      );
    }
  } finally {
    for (const server of servers) server.close();
  }
});

Deno.test({
  name: "real brokers and servers with and without TLS and login",
  ignore: kafkaIsExternal || postgresIsExternal,
  fn: async (t) => {
    await using directory = await temporaryDirectory();
    const broker = await sharedKafka();
    const server = await sharedPostgres();
    const environment = (more: Environment) =>
      handlerEnvironment(`http://127.0.0.1:${freePort()}`, directory.path, { ...TEXT, ...more });
    const kafka = (servers: readonly string[], more: Environment = {}) =>
      environment({ STORAGE_TYPE: "kafka", KAFKA_BOOTSTRAP_SERVERS: servers.join(","), ...more });
    const login = (mechanism: string) => ({
      KAFKA_SASL_MECHANISM: mechanism,
      KAFKA_SASL_USERNAME: "tester",
      KAFKA_SASL_PASSWORD: "kafka-secret",
    });
    try {
      await t.step("Kafka", async () => {
        await assertBothSay(
          /speaks no TLS on this port\. Set KAFKA_SSL=false/,
          kafka(broker.brokers, { KAFKA_SSL: "true" }),
        );
        await assertBothSay(
          /wants a login on this port\. Set KAFKA_SASL_MECHANISM/,
          kafka(broker.saslBrokers),
        );
        await assertBothSay(/KAFKA_SASL_MECHANISM/, kafka(broker.saslBrokers, login("scram-sha-256")));
        await assertBothSay(/KAFKA_SASL_MECHANISM/, kafka(broker.brokers, login("plain")));
      });
      await t.step("PostgreSQL", async () => {
        await assertBothSay(
          /offers no TLS, which sslmode=require asks for\./,
          environment({
            STORAGE_TYPE: "postgres",
            POSTGRES_CONNECTION_STRING: `${server.url}?sslmode=require`,
          }),
        );
        await assertBothSay(/speaks PostgreSQL, not Kafka's protocol/, kafka([new URL(server.url).host]));
      });
      await t.step(
        "each other's port",
        () =>
          assertBothSay(
            /speaks Kafka, not PostgreSQL's protocol/,
            environment({
              STORAGE_TYPE: "postgres",
              POSTGRES_CONNECTION_STRING: `postgres://u:secret@${broker.brokers[0]}/d`,
            }),
          ),
      );
    } finally {
      await Promise.all([broker.remove(), server.remove()]);
    }
  },
});
