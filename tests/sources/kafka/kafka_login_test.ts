/** A real broker with TLS and a login by SCRAM on one port, and certificates of clients on another one. */
import assert from "node:assert/strict";
import { SourceError } from "../../../src/contract/source.ts";
import type { KafkaAccess } from "../../../src/sources/kafka/broker_connection.ts";
import type { KafkaLogin } from "../../../src/sources/kafka/kafka_login.ts";
import { Reading } from "../../contract/source_reading.ts";
import { Authority } from "../../support/certificates.ts";
import { temporaryDirectory } from "../../support/executable.ts";
import { kafkaIsExternal, startKafka } from "../../support/kafka_broker.ts";
import { clientCertificates, secureListeners } from "../../support/kafka_listeners.ts";
import { makeScramUser } from "../../support/scram_user.ts";
import { KafkaTopic } from "./kafka_topic.ts";

const NEVER = new AbortController().signal;
const SECRET = "kafka=secret,ü";
/** A name that SCRAM must escape. */
const USER = "scram=user,1";

function addressOf(port: number) {
  return { host: "127.0.0.1", port };
}

Deno.test({
  name: "TLS, SCRAM and certificates of clients: read; what is missing is named",
  ignore: kafkaIsExternal,
  fn: async (t) => {
    await using stack = new AsyncDisposableStack();
    const directory = stack.use(await temporaryDirectory());
    const authority = await Authority.create(directory.path, "authority");
    const stranger = await Authority.create(directory.path, "stranger");
    const client = await authority.sign("client", []);
    const settings = [...await secureListeners(authority, directory.path), ...clientCertificates(authority)];
    const broker = await startKafka({ settings });
    stack.defer(() => broker.remove());
    await makeScramUser(broker, USER, SECRET);
    const topic = await KafkaTopic.create(broker.brokers);
    stack.defer(() => topic.remove());
    await topic.send([{ value: '{"name":"e0","value":1,"timestamp":1000}' }]);

    const ca = await Deno.readTextFile(authority.caFile);
    const tls = { ca, cert: undefined, key: undefined };
    const certified = {
      ca,
      cert: await Deno.readTextFile(client.certFile),
      key: await Deno.readTextFile(client.keyFile),
    };
    const login = (mechanism: KafkaLogin["mechanism"], password = SECRET, username = USER): KafkaLogin => ({
      mechanism,
      username,
      password,
    });
    const loginPort = Number(broker.saslBrokers[0]!.split(":")[1]);
    const sourceOf = (port: number, access: KafkaAccess) =>
      topic.createSource({ brokers: [addressOf(port)], access });

    const right: readonly [what: string, port: number, access: KafkaAccess][] = [
      ["SCRAM-SHA-256", loginPort, { tls, login: login("scram-sha-256") }],
      ["SCRAM-SHA-512", loginPort, { tls, login: login("scram-sha-512") }],
      ["PLAIN over TLS", loginPort, { tls, login: login("plain", "kafka-secret", "tester") }],
      ["a certificate of the client", broker.proxiedPort, { tls: certified, login: undefined }],
    ];
    for (const [what, port, access] of right) {
      await t.step(`${what} is let in`, async () => {
        const source = sourceOf(port, access);
        assert.match(await source.probe(NEVER), /^Kafka, 1 broker, topic \S+ has 1 partition$/);
        const reading = await Reading.open(source);
        assert.deepEqual(await reading.readAll(), ["e0"]);
        await source.close();
      });
    }

    const failed = /SASL_AUTHENTICATION_FAILED: check user, password and sasl= of the URL/;
    const untrusted = /certificate.*: check VABUS_CA_FILE, VABUS_CERT_FILE and VABUS_KEY_FILE/i;
    const wrong: readonly [what: string, port: number, access: KafkaAccess, said: RegExp][] = [
      ["a wrong password, SCRAM-SHA-256", loginPort, { tls, login: login("scram-sha-256", "wrong") }, failed],
      ["a wrong password, SCRAM-SHA-512", loginPort, { tls, login: login("scram-sha-512", "wrong") }, failed],
      ["an unknown user", loginPort, { tls, login: login("scram-sha-512", SECRET, "nobody") }, failed],
      ["no login", loginPort, { tls, login: undefined }, /wants a login on this port/],
      ["no TLS", loginPort, { tls: undefined, login: login("scram-sha-256") }, /give VABUS_URL as kafkas:/],
      [
        "an authority that nobody has named",
        loginPort,
        { tls: { ...tls, ca: undefined }, login: login("scram-sha-256") },
        untrusted,
      ],
      [
        "another authority",
        loginPort,
        { tls: { ...tls, ca: await Deno.readTextFile(stranger.caFile) }, login: login("scram-sha-256") },
        untrusted,
      ],
      [
        "no certificate of the client",
        broker.proxiedPort,
        { tls, login: undefined },
        /VABUS_CERT_FILE and VABUS_KEY/,
      ],
    ];
    for (const [what, port, access, said] of wrong) {
      await t.step(`${what}: refused, and why`, async () => {
        await assert.rejects(sourceOf(port, access).probe(NEVER), (error) => {
          assert.ok(error instanceof SourceError, String(error));
          assert.match(error.message, said);
          // Why a broker ends a connection does not always arrive.
          if (!what.startsWith("no certificate")) assert.equal(error.kind, "refused");
          assert.doesNotMatch(error.message, /kafka.secret/);
          return true;
        });
      });
    }
  },
});
