/** A real broker that speaks TLS on one port, and TLS with a login on another one. */
import assert from "node:assert/strict";
import { Authority } from "../support/certificates.ts";
import { type Environment, runCheck, temporaryDirectory } from "../support/executable.ts";
import { kafkaIsExternal, startKafka } from "../support/kafka_broker.ts";
import { secureListeners } from "../support/kafka_listeners.ts";
import { makeScramUser } from "../support/scram_user.ts";
import { readAndDeliverByScram } from "./kafka_scram.ts";
import { Bus, handlerEnvironment } from "./plant.ts";

const LOGIN: Environment = {
  KAFKA_SASL_MECHANISM: "plain",
  KAFKA_SASL_USERNAME: "tester",
  KAFKA_SASL_PASSWORD: "kafka-secret",
};

Deno.test({
  name: "Kafka with TLS, and with TLS and a login: delivered and proven; what is missing is named",
  ignore: kafkaIsExternal,
  fn: async (t) => {
    await using directory = await temporaryDirectory();
    await using bus = await Bus.start();
    await bus.publish([`{"name":"a","value":1,"timestamp":${Math.floor(Date.now() / 1000) - 600}}`]);
    const authority = await Authority.create(directory.path, "authority");
    const stranger = await Authority.create(directory.path, "stranger");
    const broker = await startKafka({ settings: await secureListeners(authority, directory.path) });
    const environmentOf = (servers: string, more: Environment) =>
      handlerEnvironment(bus.url, directory.path, {
        STORAGE_TYPE: "kafka",
        KAFKA_BOOTSTRAP_SERVERS: servers,
        KAFKA_TOPIC: "secure",
        ...more,
      });
    const tls: Environment = { KAFKA_SSL: "true", KAFKA_SSL_CA_FILE: authority.caFile };
    const [tlsOnly, withLogin] = [`127.0.0.1:${broker.proxiedPort}`, broker.saslBrokers[0]!];
    try {
      for (
        const [what, servers, more] of [["TLS", tlsOnly, {}], ["TLS and a login", withLogin, LOGIN]] as const
      ) {
        await t.step(`${what}: delivered and proven`, async () => {
          const environment = environmentOf(servers, {
            ...tls,
            ...more,
            STATE_DIR: `${directory.path}/${what}`,
            INSTANCE_ID: what,
            KAFKA_TOPIC: what.replaceAll(" ", "-"),
          });
          for (const args of [["once", "--flush"], ["check"], ["verify", "--kafka"]]) {
            const { code, stdout, stderr } = await runCheck(environment, args);
            assert.equal(code, 0, stdout + stderr);
          }
        });
      }
      const user = { username: "scram=user,1", password: "scram=secret,ü" };
      await makeScramUser(broker, user.username, user.password);
      for (const mechanism of ["scram-sha-256", "scram-sha-512"] as const) {
        await t.step(
          `${mechanism}: what a wrong password holds up is delivered once with the right one`,
          () => readAndDeliverByScram(mechanism, broker, user, authority, directory.path),
        );
      }
      const wrong: [what: string, servers: string, more: Environment, said: RegExp][] = [
        ["no TLS", tlsOnly, {}, /this port wants TLS\. Set KAFKA_SSL=true/],
        ["no TLS with a login", withLogin, LOGIN, /this port wants TLS\. Set KAFKA_SSL=true/],
        ["no authority", tlsOnly, { KAFKA_SSL: "true" }, /certificate.*KAFKA_SSL_CA_FILE/],
        [
          "another authority",
          tlsOnly,
          { KAFKA_SSL: "true", KAFKA_SSL_CA_FILE: stranger.caFile },
          /certificate.*KAFKA_SSL_CA_FILE/,
        ],
        ["no login", withLogin, tls, /wants a login on this port\. Set KAFKA_SASL_MECHANISM/],
        ["a login that is not wanted", tlsOnly, { ...tls, ...LOGIN }, /KAFKA_SASL_MECHANISM/],
        [
          "a wrong password",
          withLogin,
          { ...tls, ...LOGIN, KAFKA_SASL_PASSWORD: "wrong" },
          /KAFKA_SASL_PASSWORD/,
        ],
        [
          "another mechanism",
          withLogin,
          { ...tls, ...LOGIN, KAFKA_SASL_MECHANISM: "scram-sha-512" },
          /KAFKA_SASL_MECHANISM/,
        ],
      ];
      for (const [what, servers, more, said] of wrong) {
        await t.step(what, async () => {
          const { code, stdout } = await runCheck(environmentOf(servers, more));
          assert.equal(code, 1, stdout);
          assert.match(stdout.split("\n").find((line) => line.includes("sink kafka")) ?? "", said);
          assert.doesNotMatch(stdout, /kafka-secret/);
        });
      }
    } finally {
      await broker.remove();
    }
  },
});
