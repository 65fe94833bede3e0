import assert from "node:assert/strict";
import { loadConfig, sourcesOf } from "../settings/sources.ts";

const warningsOf = (environment: Record<string, string>) =>
  loadConfig(sourcesOf({ environment }), () => []).warnings.filter((text) => / goes to /.test(text));

const KAFKA = {
  STORAGE_TYPE: "kafka",
  KAFKA_BOOTSTRAP_SERVERS: "k1:9092",
  KAFKA_SASL_MECHANISM: "plain",
  KAFKA_SASL_USERNAME: "u",
  KAFKA_SASL_PASSWORD: "secret",
};
const postgres = (parameters: string, host = "db") => ({
  STORAGE_TYPE: "postgres",
  POSTGRES_CONNECTION_STRING: `postgres://u:secret@${host}/plant${parameters}`,
});

Deno.test("a password for Kafka that is sent in the clear is a warning", () => {
  const [warning, ...others] = warningsOf(KAFKA);
  assert.match(warning!, /^KAFKA_SASL_PASSWORD goes to k1 in the clear, .*: set KAFKA_SSL=true/);
  assert.deepEqual(others, []);
  assert.deepEqual(warningsOf({ ...KAFKA, KAFKA_SSL: "true" }), []);
  assert.deepEqual(warningsOf({ ...KAFKA, KAFKA_SASL_MECHANISM: "scram-sha-256" }), []);
  assert.deepEqual(warningsOf({ ...KAFKA, KAFKA_BOOTSTRAP_SERVERS: "127.0.0.2:9092" }), []);
});

Deno.test("a login for PostgreSQL that any server may take is a warning", () => {
  for (const mode of ["disable", "prefer", "require"]) {
    const [warning, ...others] = warningsOf(postgres(`?sslmode=${mode}`));
    assert.match(
      warning!,
      new RegExp(`^the login of POSTGRES_CONNECTION_STRING goes to db over .*sslmode=${mode}`),
    );
    assert.deepEqual(others, [], mode);
  }
  assert.deepEqual(warningsOf(postgres("?sslmode=disable&require_auth=scram-sha-256")), []);
  assert.deepEqual(warningsOf(postgres("?sslmode=disable", "127.0.0.1")), []);
});
