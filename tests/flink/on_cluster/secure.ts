/** A job that reaches Kafka by TLS, logins and client certificates: part of `make test-flink`. */
import assert from "node:assert/strict";
import { handlerEnvironment } from "../../e2e/plant.ts";
import { readTopic } from "../../e2e/topic.ts";
import { KafkaTopic } from "../../sources/kafka/kafka_topic.ts";
import { Authority } from "../../support/certificates.ts";
import { recentBaseMs } from "../../support/event_stream.ts";
import { temporaryDirectory } from "../../support/executable.ts";
import { FlinkCluster } from "../../support/flink_cluster.ts";
import { startKafka } from "../../support/kafka_broker.ts";
import { secureListeners } from "../../support/kafka_listeners.ts";
import { FlinkJobs } from "../flink_jobs.ts";
import { run } from "../site.ts";

const SECRET = "kafka-secret";

Deno.test("a job reaches Kafka by TLS, with a login and with a certificate, as bus and as sink", async (t) => {
  await using directory = await temporaryDirectory();
  const authority = await Authority.create(directory.path, "authority");
  const { certFile, keyFile } = await authority.sign("client", []);
  const broker = await startKafka({
    settings: [
      ...await secureListeners(authority, directory.path),
      "listener.name.proxied.ssl.client.auth=required",
      "ssl.truststore.type=PEM",
      `ssl.truststore.location=${authority.caFile}`,
    ],
  });
  try {
    await using flink = await FlinkCluster.start();
    const jobs = new FlinkJobs(flink.restUrl);
    const topic = await KafkaTopic.create(broker.brokers);
    const timestamp = recentBaseMs(10_000, 1) / 1000;
    await topic.send([1, 2, 3].map((value) => ({ value: JSON.stringify({ name: "a", value, timestamp }) })));
    const [byLogin, byCertificate] = [broker.saslBrokers[0]!, `127.0.0.1:${broker.proxiedPort}`];
    const loginOfBus = {
      VABUS_URL: `kafkas://${byLogin}/${topic.name}?sasl=plain`,
      VABUS_USERNAME: "tester",
      VABUS_PASSWORD: SECRET,
    };
    const certificateOfBus = {
      VABUS_URL: `kafkas://${byCertificate}/${topic.name}`,
      VABUS_CERT_FILE: certFile,
      VABUS_KEY_FILE: keyFile,
    };
    const loginOfSink = {
      KAFKA_BOOTSTRAP_SERVERS: byLogin,
      KAFKA_SASL_MECHANISM: "plain",
      KAFKA_SASL_USERNAME: "tester",
      KAFKA_SASL_PASSWORD: SECRET,
    };
    const certificateOfSink = {
      KAFKA_BOOTSTRAP_SERVERS: byCertificate,
      KAFKA_SSL_CERT_FILE: certFile,
      KAFKA_SSL_KEY_FILE: keyFile,
    };
    const ways: Record<string, Record<string, string>> = {
      "bus-by-login": { ...loginOfBus, ...certificateOfSink },
      "bus-by-certificate": { ...certificateOfBus, ...loginOfSink },
    };
    for (const [name, settings] of Object.entries(ways)) {
      await t.step(name, async () => {
        const environment = {
          ...handlerEnvironment("", directory.path),
          ...settings,
          VABUS_CA_FILE: authority.caFile,
          STORAGE_TYPE: "kafka",
          KAFKA_SSL: "true",
          KAFKA_SSL_CA_FILE: authority.caFile,
          KAFKA_TOPIC: name,
          INSTANCE_ID: name,
        };
        const script = await run(["flink", "--once"], environment);
        assert.doesNotMatch(script, RegExp(`${SECRET}|PRIVATE KEY`));
        assert.match(script, /'properties.security.protocol' = 'SASL_SSL'[\s\S]*password="\$\{\w+\}"/);
        await jobs.finished(await run(["flink", "--once", "--submit", flink.gatewayUrl], environment));
        const [record, ...others] = await readTopic(broker.brokers, name);
        assert.deepEqual(others, []);
        assert.equal(JSON.parse(record!.value).value, 6);
      });
    }
  } finally {
    await broker.remove();
  }
});
