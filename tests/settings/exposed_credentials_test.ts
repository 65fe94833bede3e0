import assert from "node:assert/strict";
import { loadConfig, sourcesOf } from "./sources.ts";

function warningsOf(environment: Record<string, string>): string {
  const { warnings } = loadConfig(sourcesOf({ environment }), () => []);
  return warnings.filter((warning) => warning.includes(" goes to ")).join("\n");
}

const KAFKA = { STORAGE_TYPE: "kafka", KAFKA_SASL_USERNAME: "u", KAFKA_SASL_PASSWORD: "hidden" };
const POSTGRES = (rest: string) => ({
  STORAGE_TYPE: "postgres",
  POSTGRES_CONNECTION_STRING: `postgres://u:hidden@${rest}`,
});

const EXPOSED: Record<string, [environment: Record<string, string>, named: RegExp]> = {
  "a bus's token": [
    { VABUS_URL: "http://bus:8000", VABUS_TOKEN: "hidden" },
    /VABUS_TOKEN goes to bus .*VABUS_URL as https/,
  ],
  "a bus's password": [{ VABUS_URL: "http://u:hidden@bus:8000" }, /password in VABUS_URL goes to bus /],
  "a token for the second bus": [
    { VABUS_URL: "http://localhost:8000,http://10.0.0.9:8000", VABUS_TOKEN: "hidden" },
    /VABUS_TOKEN goes to 10\.0\.0\.9 /,
  ],
  "a name that only looks like loopback": [
    { VABUS_URL: "http://127.0.0.1.example.org", VABUS_TOKEN: "hidden" },
    /goes to 127\.0\.0\.1\.example\.org/,
  ],
  "plain SASL": [
    { ...KAFKA, KAFKA_SASL_MECHANISM: "plain", KAFKA_BOOTSTRAP_SERVERS: "broker:9092" },
    /KAFKA_SASL_PASSWORD goes to broker .*KAFKA_SSL=true/,
  ],
  "PostgreSQL as it is by default": [
    POSTGRES("db/plant"),
    /goes to db .*sslmode=prefer.*POSTGRES_SSL_CA_FILE/,
  ],
  "PostgreSQL over TLS that proves nothing": [POSTGRES("db/plant?sslmode=require"), /sslmode=require/],
  "PostgreSQL on a second host": [POSTGRES("localhost,db/plant"), /goes to db /],
};
for (const [what, [environment, named]] of Object.entries(EXPOSED)) {
  Deno.test(`${what} in the reach of others is a warning that names the setting, and not the secret`, () => {
    const warnings = warningsOf(environment);
    assert.match(warnings, named);
    assert.doesNotMatch(warnings, /hidden/);
  });
}

const SAFE: Record<string, Record<string, string>> = {
  "a bus on this host": { VABUS_URL: "http://127.0.0.1:8000,http://[::1]:8001", VABUS_TOKEN: "hidden" },
  "a bus over TLS": { VABUS_URL: "https://bus", VABUS_TOKEN: "hidden" },
  "a bus without credentials": { VABUS_URL: "http://bus:8000" },
  "SCRAM": { ...KAFKA, KAFKA_SASL_MECHANISM: "scram-sha-512", KAFKA_BOOTSTRAP_SERVERS: "broker:9092" },
  "plain SASL over TLS": {
    ...KAFKA,
    KAFKA_SASL_MECHANISM: "plain",
    KAFKA_BOOTSTRAP_SERVERS: "broker:9092",
    KAFKA_SSL: "true",
  },
  "PostgreSQL verified": POSTGRES("db/plant?sslmode=verify-full"),
  "PostgreSQL on this host": POSTGRES("localhost/plant"),
  "PostgreSQL by a Unix socket": POSTGRES("%2Frun%2Fpostgresql/plant"),
  "PostgreSQL that has to prove itself": POSTGRES("db/plant?require_auth=scram-sha-256"),
};
for (const [what, environment] of Object.entries(SAFE)) {
  Deno.test(`no warning: ${what}`, () => assert.equal(warningsOf(environment), ""));
}
