/** What the settings make of each kind of bus: login, TLS, addresses, and what it is created as. */
import assert from "node:assert/strict";
import type { SourceConnector } from "../../src/contract/connector.ts";
import { FILE } from "../../src/sources/file/connector.ts";
import { FileSource } from "../../src/sources/file/file_source.ts";
import { StdinSource } from "../../src/sources/file/stdin_source.ts";
import { KAFKA } from "../../src/sources/kafka/connector.ts";
import { KafkaSource } from "../../src/sources/kafka/kafka_source.ts";
import { LISTEN } from "../../src/sources/listen/connector.ts";
import { ListenSource } from "../../src/sources/listen/listen_source.ts";
import { MQTT } from "../../src/sources/mqtt/connector.ts";
import { MqttSource } from "../../src/sources/mqtt/mqtt_source.ts";
import { NATS } from "../../src/sources/nats/connector.ts";
import { NatsSource } from "../../src/sources/nats/nats_source.ts";
import { REDIS } from "../../src/sources/redis/connector.ts";
import { RedisSource } from "../../src/sources/redis/redis_source.ts";
import { ConfigError } from "../../src/settings/fault.ts";
import { loadConfig, sourcesOf } from "../settings/sources.ts";
import { SURROUNDINGS } from "./surroundings.ts";

type Environment = Record<string, string>;

const CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
const KEY = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n";
const FILES = { "/ca.pem": CERTIFICATE, "/cert.pem": CERTIFICATE, "/key.pem": KEY };
const CERT_FILES = { VABUS_CERT_FILE: "/cert.pem", VABUS_KEY_FILE: "/key.pem" };
const SEED = "SUAABIW5YA24WYKMYS6BFHVHDQ6GMXZ3SPQ3YKIJO2OTOEUFPOXQ73DUJE";
const NO_TLS_FILES = { ca: undefined, cert: undefined, key: undefined };

/** What the settings make of the one bus that they name. */
function configured(url: string, environment: Environment = {}) {
  const sources = sourcesOf({ environment: { VABUS_URL: url, ...environment }, files: FILES });
  const [source] = loadConfig(sources).sources;
  return source!.options as Record<string, unknown>;
}

/** What the settings are refused for. */
function faultsOf(url: string, environment: Environment = {}): string {
  try {
    configured(url, environment);
    return "";
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
}

Deno.test("TLS is on where the URL says so, with the files that are named or none", () => {
  for (
    const [plain, secure] of [
      ["kafka://b/t", "kafkas://b/t"],
      ["mqtt://b/t", "mqtts://b/t"],
      ["nats://b/S", "natss://b/S"],
      ["redis://b/k", "rediss://b/k"],
    ] as const
  ) {
    assert.equal(configured(plain).tls, undefined, plain);
    assert.deepEqual(configured(secure).tls, NO_TLS_FILES, secure);
    assert.deepEqual(configured(secure, { VABUS_CA_FILE: "/ca.pem" }).tls, {
      ...NO_TLS_FILES,
      ca: CERTIFICATE,
    }, secure);
  }
});

Deno.test("a login of Kafka is the URL's, else that of the settings, and one is asked for where either is named", () => {
  const both = { VABUS_USERNAME: "own", VABUS_PASSWORD: "pass" };
  const loginOf = (url: string, environment: Environment = both) => configured(url, environment).login;
  const login = (mechanism: string, username: string, password: string) => ({
    mechanism,
    username,
    password,
  });
  assert.equal(loginOf("kafka://b/t", {}), undefined);
  assert.deepEqual(loginOf("kafka://127.0.0.1/t"), login("plain", "own", "pass"));
  assert.deepEqual(loginOf("kafka://u:p@127.0.0.1/t"), login("plain", "u", "p"));
  assert.deepEqual(loginOf("kafka://u@127.0.0.1/t"), login("plain", "u", "pass"));
  assert.deepEqual(loginOf("kafka://b/t?sasl=scram-sha-256"), login("scram-sha-256", "own", "pass"));
  const why = /since the URL of a Kafka bus asks for a login and has none itself/;
  assert.match(faultsOf("kafka://b/t?sasl=plain"), /VABUS_USERNAME[^]*VABUS_PASSWORD/);
  assert.match(faultsOf("kafka://b/t?sasl=plain"), why);
  assert.match(faultsOf("kafka://u@b/t"), /VABUS_PASSWORD/);
  assert.doesNotMatch(faultsOf("kafka://u@b/t"), /VABUS_USERNAME/);
  assert.equal(loginOf("kafka://b/t", { VABUS_PASSWORD: "pass" }), undefined);
});

Deno.test("a login of MQTT may be a user alone, and a password needs a user", () => {
  const both = { VABUS_USERNAME: "own", VABUS_PASSWORD: "pass" };
  const loginOf = (url: string, environment: Environment = both) => {
    const { password, username } = configured(url, environment);
    return [username, password];
  };
  assert.deepEqual(loginOf("mqtt://b/t", {}), [undefined, undefined]);
  assert.deepEqual(loginOf("mqtt://b/t"), ["own", "pass"]);
  assert.deepEqual(loginOf("mqtt://u:p@b/t"), ["u", "p"]);
  assert.deepEqual(loginOf("mqtt://u@b/t"), ["u", "pass"]);
  assert.deepEqual(loginOf("mqtt://u@b/t", {}), ["u", undefined]);
  assert.deepEqual(loginOf("mqtt://b/t", { VABUS_USERNAME: "own" }), ["own", undefined]);
  assert.match(faultsOf("mqtt://b/t", { VABUS_PASSWORD: "pass" }), /VABUS_USERNAME.*since VABUS_PASSWORD/s);
});

Deno.test("a login of NATS is the URL's, else a credentials file, a user or a token", () => {
  const loginOf = (url: string, environment: Environment = {}) => configured(url, environment).login;
  const user = { VABUS_USERNAME: "own", VABUS_PASSWORD: "pass" };
  const token = { VABUS_TOKEN: "t0ken" };
  assert.equal(loginOf("nats://b/S"), undefined);
  assert.deepEqual(loginOf("nats://b/S", token), { kind: "token", token: "t0ken" });
  const own = { kind: "user", username: "own", password: "pass" };
  assert.deepEqual(loginOf("nats://b/S", { ...user, ...token }), own);
  const { kind } = loginOf("nats://b/S", { ...user, VABUS_CREDENTIALS: SEED }) as { kind: string };
  assert.equal(kind, "key");
  assert.deepEqual(loginOf("nats://x@b/S", { VABUS_CREDENTIALS: SEED }), { kind: "token", token: "x" });
  assert.deepEqual(loginOf("nats://u@b/S", user), { kind: "user", username: "u", password: "pass" });
  assert.deepEqual(loginOf("nats://u:p@b/S", user), { kind: "user", username: "u", password: "p" });
  assert.match(faultsOf("nats://b/S", { VABUS_USERNAME: "own" }), /VABUS_PASSWORD.*since VABUS_USERNAME is/s);
  assert.match(faultsOf("nats://b/S", { VABUS_CREDENTIALS: "x" }), /neither a credentials file of NATS nor/);
});

Deno.test("a login of Redis needs a password alone", () => {
  const loginOf = (url: string, environment: Environment = {}) => configured(url, environment).login;
  assert.equal(loginOf("redis://b/k"), undefined);
  assert.equal(loginOf("redis://b/k", { VABUS_USERNAME: "own" }), undefined);
  const pass = { VABUS_PASSWORD: "pass" };
  assert.deepEqual(loginOf("redis://b/k", pass), { username: undefined, password: "pass" });
  assert.deepEqual(loginOf("redis://u:p@b/k", pass), { username: "u", password: "p" });
  assert.deepEqual(loginOf("redis://u@b/k", pass), { username: "u", password: "pass" });
});

Deno.test("entries of Redis are read as JSON unless a field holds the record or a format is given", () => {
  const formatOf = (url: string) => (configured(url).events as { format: string | undefined }).format;
  assert.equal(formatOf("redis://b/k?name=x&value={/v}"), "json");
  assert.equal(formatOf("redis://b/k?field=f"), undefined);
});

Deno.test("a listener that others reach needs a token, and one with TLS its certificate and key", () => {
  const made = configured("listen://127.0.0.1:8086");
  assert.deepEqual([made.hostname, made.port, made.tls, made.token], [
    "127.0.0.1",
    8086,
    undefined,
    undefined,
  ]);
  const secure = configured("listens://0.0.0.0:8086", { ...CERT_FILES, VABUS_TOKEN: "t" });
  assert.deepEqual([secure.tls, secure.token], [{ cert: CERTIFICATE, key: KEY }, "t"]);
  assert.deepEqual(configured("LISTEN://[::1]:8086/").hostname, "::1");
  assert.match(faultsOf("listen://0.0.0.0:8086"), /VABUS_URL=.*other hosts reach, and there is no token/);
  assert.match(faultsOf("listens://127.0.0.1:8086"), /needs VABUS_CERT_FILE and VABUS_KEY_FILE/);
  for (
    const [url, problem] of [
      ["listen://u:p@127.0.0.1:1", /has a listener with credentials in its URL/],
      ["listen://", /is not listen:\/\/host:port/],
      ["listen://127.0.0.1:1/path", /is not listen:\/\/host:port/],
      ["listen://127.0.0.1", /has a listener that /],
    ] as const
  ) {
    const read = LISTEN.readUrl(url);
    assert.match(typeof read === "string" ? read : read.problem, problem, url);
  }
  assert.equal(LISTEN.addressOf("listens://a:1"), "listen://a:1");
});

Deno.test("the addresses and secrets of a bus are those of its servers and its login", () => {
  const saidBy = (connector: SourceConnector, url: string, environment: Environment = {}) => {
    const options = configured(url, environment);
    const addresses = connector.addressesOf?.(options).map(({ address }) => address) ?? [];
    const secrets = new Set(connector.secretsOf!(options).filter((secret) => secret));
    return [addresses.join(), [...secrets].join()];
  };
  const files = { VABUS_CA_FILE: "/ca.pem", ...CERT_FILES };
  assert.deepEqual(saidBy(KAFKA, "kafka://u:p@127.0.0.1,b:1/t"), ["127.0.0.1:9092,b:1", "p"]);
  assert.deepEqual(saidBy(KAFKA, "kafkas://b/t", files), ["b:9092", KEY]);
  assert.deepEqual(saidBy(MQTT, "mqtt://u:p@b/t"), ["b:1883", "p"]);
  assert.deepEqual(saidBy(MQTT, "mqtts://b/t", files), ["b:8883", KEY]);
  assert.deepEqual(saidBy(NATS, "nats://b,c:1/S"), ["b:4222,c:1", ""]);
  assert.deepEqual(saidBy(NATS, "natss://b/S", { ...files, VABUS_CREDENTIALS: SEED }), [
    "b:4222",
    `${SEED},${KEY}`,
  ]);
  assert.deepEqual(saidBy(REDIS, "redis://u:p@b/k"), ["b:6379", "p"]);
  assert.deepEqual(saidBy(REDIS, "rediss://b/k", files), ["b:6379", KEY]);
  assert.deepEqual(saidBy(LISTEN, "listens://a:7", { ...CERT_FILES, VABUS_TOKEN: "t" }), ["a:7", `t,${KEY}`]);
  assert.deepEqual(saidBy(LISTEN, "listen://127.0.0.1:0"), ["", ""]);
});

Deno.test("each kind of bus is created as one, with the name that it is given, else its address", async () => {
  for (
    const [connector, url, Kind, address = url] of [
      [FILE, "file:///a/*.log?follow=true", FileSource, "file:///a/*.log"],
      [FILE, "stdin:", StdinSource],
      [KAFKA, "kafka://u:p@127.0.0.1/t?start=newest", KafkaSource, "kafka://127.0.0.1:9092/t"],
      [LISTEN, "listen://[::1]:8086", ListenSource],
      [LISTEN, "listen://127.0.0.1:8086", ListenSource],
      [MQTT, "mqtt://u:p@b/t?start=newest", MqttSource, "mqtt://b:1883/t"],
      [NATS, "nats://u:p@b/S?start=newest", NatsSource, "nats://b:4222/S"],
      [REDIS, "redis://u:p@b/k?start=newest", RedisSource, "redis://b:6379/k"],
    ] as const
  ) {
    const options = configured(url);
    const { change, part } = await connector.create(options, SURROUNDINGS);
    assert.ok(part instanceof Kind, url);
    assert.equal(part.id, address, url);
    change(options);
    const named = await connector.create(options, { ...SURROUNDINGS, name: "hall" });
    assert.equal(named.part.id, "hall", url);
    await Promise.all([part.close(), named.part.close()]);
  }
  assert.deepEqual(["stdin:", "file:///a"].map((url) => FILE.mayRepeat!(configured(url))), [false, true]);
});
