import assert from "node:assert/strict";
import { loadConfig, sourcesOf } from "../settings/sources.ts";

const warningsOf = (environment: Record<string, string>) =>
  loadConfig(sourcesOf({ environment }), () => []).warnings.filter((text) => / in the clear/.test(text));

/** Settings that send a credential to another host in the clear; whose it is; the URL that protects it. */
const EXPOSED: readonly [settings: Record<string, string>, credential: string, mendedUrl: string][] = [
  [
    { VABUS_URL: "http://bus.plant:8080", VABUS_TOKEN: "secret" },
    "VABUS_TOKEN goes to bus.plant",
    "https://bus.plant:8080",
  ],
  [
    { VABUS_URL: "kafka://b1:9092/events?sasl=plain", VABUS_USERNAME: "u", VABUS_PASSWORD: "secret" },
    "the password of the Kafka user goes to b1",
    "kafkas://b1:9092/events?sasl=plain",
  ],
  [
    { VABUS_URL: "mqtt://broker/plant/#", VABUS_USERNAME: "u", VABUS_PASSWORD: "secret" },
    "the password of the MQTT user goes to broker",
    "mqtts://broker/plant/#",
  ],
  [
    { VABUS_URL: "nats://n1:4222/EVENTS", VABUS_USERNAME: "u", VABUS_PASSWORD: "secret" },
    "the password of the NATS user goes to n1",
    "natss://n1:4222/EVENTS",
  ],
  [
    { VABUS_URL: "nats://n1:4222/EVENTS", VABUS_TOKEN: "secret" },
    "the token for NATS goes to n1",
    "natss://n1:4222/EVENTS",
  ],
  [
    { VABUS_URL: "redis://r1:6379/events", VABUS_USERNAME: "u", VABUS_PASSWORD: "secret" },
    "the password of the Redis user goes to r1",
    "rediss://r1:6379/events",
  ],
];

for (const [settings, credential, mendedUrl] of EXPOSED) {
  Deno.test(`a warning: ${credential} in the clear`, () => {
    const warnings = warningsOf(settings);
    assert.equal(warnings.length, 1, warnings.join("\n"));
    assert.ok(warnings[0]!.startsWith(`${credential} in the clear`), warnings[0]);
    assert.ok(!warnings[0]!.includes("secret"), warnings[0]);
    assert.deepEqual(warningsOf({ ...settings, VABUS_URL: mendedUrl }), []);
  });
}

Deno.test("no warning where a credential stays on this host, or only proves that it is known", () => {
  const login = { VABUS_USERNAME: "u", VABUS_PASSWORD: "secret" };
  assert.deepEqual(warningsOf({ ...login, VABUS_URL: "kafka://127.0.0.2:9092/events?sasl=plain" }), []);
  assert.deepEqual(warningsOf({ ...login, VABUS_URL: "redis://[::1]/events" }), []);
  for (const mechanism of ["scram-sha-256", "scram-sha-512"]) {
    assert.deepEqual(warningsOf({ ...login, VABUS_URL: `kafka://b1:9092/events?sasl=${mechanism}` }), []);
  }
});
