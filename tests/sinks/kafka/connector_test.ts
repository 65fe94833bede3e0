import assert from "node:assert/strict";
import { KAFKA } from "../../../src/sinks/kafka/connector.ts";
import { Authority } from "../../support/certificates.ts";
import { type Conversation, HostileServer, type Tls } from "../../support/hostile_server.ts";
import { loadConfig, sourcesOf } from "../../settings/sources.ts";
import { SILENT } from "../../support/logs.ts";

const LOGIN = { KAFKA_SASL_MECHANISM: "plain", KAFKA_SASL_USERNAME: "vabus", KAFKA_SASL_PASSWORD: "secret" };
const HANDSHAKE_TYPE = 0x16;
/** Requests by their numbers. A client that has a login asks nothing before it knows how to log in. */
const REQUESTS: Record<number, string> = { 3: "Metadata", 18: "ApiVersions" };

function configOf(environment: Record<string, string>, files: Record<string, string> = {}) {
  const given = { STORAGE_TYPE: "kafka", KAFKA_BOOTSTRAP_SERVERS: "k1:9092", ...environment };
  return loadConfig(sourcesOf({ environment: given, files })).sinks[0]!.options as {
    readonly sasl: unknown;
    readonly tls: unknown;
  };
}

/** What a broker with the settings of a server hears first from a sink with these settings. */
async function firstHeard(
  environment: Record<string, string>,
  files: Record<string, string> = {},
  tls?: Tls,
): Promise<string | undefined> {
  const heard = Promise.withResolvers<string | undefined>();
  // A connection that says nothing only tries whether there is TLS.
  const listen = async (conversation: Conversation) => {
    const piece = await conversation.listen();
    if (piece.length === 0) return;
    heard.resolve(piece[0] === HANDSHAKE_TYPE ? "TLS" : REQUESTS[piece[5]!]);
  };
  await using server = await HostileServer.start(listen, tls);
  const config = configOf({ KAFKA_BOOTSTRAP_SERVERS: `localhost:${server.port}`, ...environment }, files);
  const sink = await KAFKA.create(config, { id: "kafka", instance: "plant", logger: SILENT });
  const stop = new AbortController();
  const probe = sink.probe!(stop.signal).catch(() => heard.resolve(undefined));
  try {
    return await heard.promise;
  } finally {
    stop.abort();
    await probe;
    await sink.close();
  }
}

Deno.test("a sink speaks TLS where KAFKA_SSL says so, and checks the broker by the authority of its file", async () => {
  assert.equal(await firstHeard({}), "ApiVersions");
  assert.equal(await firstHeard({ KAFKA_SSL: "true" }), "TLS");
  const directory = await Deno.makeTempDir({ prefix: "vabus-kafka-connector-" });
  try {
    const authority = await Authority.create(directory, "authority");
    const { certFile, keyFile } = await authority.sign("server", ["DNS:localhost"]);
    const [cert, key, ca] = await Promise.all(
      [certFile, keyFile, authority.caFile].map((file) => Deno.readTextFile(file)),
    );
    const tls = { cert: cert!, key: key! };
    // With a login, nothing is asked before the certificate is checked.
    const environment = { ...LOGIN, KAFKA_SSL: "true", KAFKA_SSL_CA_FILE: "/ca.pem" };
    assert.equal(await firstHeard(environment, { "/ca.pem": ca! }, tls), "ApiVersions", "within TLS");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a login is all three settings or none", () => {
  assert.equal(configOf({}).sasl, undefined);
  assert.deepEqual(configOf(LOGIN).sasl, { mechanism: "plain", username: "vabus", password: "secret" });
  for (const left of Object.keys(LOGIN)) {
    const { [left]: _, ...others } = LOGIN as Record<string, string>;
    assert.throws(() => configOf(others), new RegExp(`${left}.*since KAFKA_SASL_`));
  }
});

Deno.test("files for TLS without KAFKA_SSL are a fault", () => {
  const files = { "/ca.pem": "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n" };
  assert.throws(
    () => configOf({ KAFKA_SSL_CA_FILE: "/ca.pem" }, files),
    /is false, but there are files for it/,
  );
  assert.equal(configOf({}).tls, undefined);
});

Deno.test("Flink writes to the same topic as the sink does, with its login, guarantee and compression", () => {
  const tableOf = (environment: Record<string, string>, files: Record<string, string> = {}) => {
    const secret = (variable: string) => `\${${variable}}`;
    const found = KAFKA.flink!(configOf(environment, files) as never, { job: "plant", secret } as never);
    assert.ok("options" in found);
    assert.equal(found.rows, "json");
    return { options: Object.fromEntries(found.options), notes: found.notes };
  };
  const common = {
    connector: "kafka",
    topic: "rows",
    "properties.bootstrap.servers": "k1:9092",
    "key.format": "raw",
    "key.fields": "name",
    "value.format": "raw",
    "value.fields-include": "EXCEPT_KEY",
  };
  const atLeastOnce = { KAFKA_TOPIC: "rows", KAFKA_DELIVERY: "at-least-once", KAFKA_COMPRESSION: "none" };
  assert.deepEqual(tableOf(atLeastOnce), {
    options: { ...common, "sink.delivery-guarantee": "at-least-once" },
    notes: [],
  });
  const pem = (what: string) => `-----BEGIN ${what}-----\nAA==\n-----END ${what}-----\n`;
  const { notes } = tableOf(
    { KAFKA_SSL: "true", KAFKA_SSL_CERT_FILE: "/cert.pem", KAFKA_SSL_KEY_FILE: "/key.pem" },
    { "/cert.pem": pem("CERTIFICATE"), "/key.pem": pem("PRIVATE KEY") },
  );
  assert.deepEqual(notes, [
    "${KAFKA_SSL_KEY} stands for the text of KAFKA_SSL_KEY_FILE, which must be PKCS #8.",
  ]);
  const exactlyOnce = { KAFKA_DELIVERY: "exactly-once", KAFKA_COMPRESSION: "gzip" };
  assert.deepEqual(tableOf({ ...LOGIN, ...atLeastOnce, ...exactlyOnce }).options, {
    ...common,
    "properties.security.protocol": "SASL_PLAINTEXT",
    "properties.sasl.mechanism": "PLAIN",
    "properties.sasl.jaas.config":
      "org.apache.flink.kafka.shaded.org.apache.kafka.common.security.plain.PlainLoginModule required " +
      'username="vabus" password="${KAFKA_SASL_PASSWORD}";',
    "sink.delivery-guarantee": "exactly-once",
    "properties.compression.type": "gzip",
    "sink.transactional-id-prefix": "plant",
    "properties.transaction.timeout.ms": "900000",
  });
});
