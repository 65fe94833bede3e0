import assert from "node:assert/strict";
import { ConfigError } from "../../src/settings/fault.ts";
import { unknownNameProblem } from "../../src/settings/unknown_names.ts";
import { CATALOGUE, GIVEN_NAMES, loadConfig, sourcesOf } from "./sources.ts";

const MISSPELT: readonly (readonly [string, string])[] = [
  ["STORAGE_TYP", "STORAGE_TYPE"],
  ["KAFKA_TOPICS", "KAFKA_TOPIC"],
  ["POSTGRES_CONECTION_STRING", "POSTGRES_CONNECTION_STRING"],
  ["POSTGRESS_CONNECTION_STRING", "POSTGRES_CONNECTION_STRING"],
  ["VABUS_TOKENS", "VABUS_TOKEN"],
  ["VABUS_TOKEN_FILES", "VABUS_TOKEN_FILE"],
  ["AGREGATION_INTERVAL", "AGGREGATION_INTERVAL"],
  ["aggregation_interval", "AGGREGATION_INTERVAL"],
  ["ALOWED_LATENESS", "ALLOWED_LATENESS"],
  ["LOG_LEVL", "LOG_LEVEL"],
  ["STATE_DRI", "STATE_DIR"],
  ["ROUTE", "ROUTES"],
];

const OF_OTHERS = [
  ...[
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "STATE_DIRECTORY",
    "CACHE_DIRECTORY",
  ],
  ...[
    "KAFKA_HOME",
    "KAFKA_HEAP_OPTS",
    "KAFKA_OPTS",
    "KAFKA_URL",
    "KAFKA_TLS",
    "KAFKA_BROKER_ID",
    "KAFKA_LOG_DIRS",
  ],
  ...[
    "POSTGRES_PASSWORD",
    "POSTGRES_USER",
    "POSTGRES_DB",
    "POSTGRES_HOST",
    "PGPASSWORD",
    "POSTGRES_INITDB_ARGS",
  ],
  ...[
    "LOGLEVEL",
    "LOG_FILE",
    "LOG_DIR",
    "STAGE_DIR",
    "DATA_DIR",
    "FILE_TIMEOUT",
    "INSTANCE_IP",
    "MAX_RETRIES",
  ],
  ...[
    "VABUS_SERVICE_HOST",
    "VABUS_SERVICE_PORT",
    "VABUS_SERVICE_PORT_HTTP",
    "VABUS_PORT",
    "VABUS_PORT_8000_TCP",
  ],
  ...[
    "VABUS_PORT_8000_TCP_ADDR",
    "VABUS_DATA_HANDLER_SERVICE_HOST",
    "VABUS_BIN",
    "VABUS_CACHE",
    "VABUS_COMMIT",
  ],
  ...["CHECKPOINT_DIR", "STORAGE_CLASS", "STORAGE_SIZE", "OUTBOX_TABLE", "SQLITE_TMPDIR"],
];

Deno.test("a name that is nearly a setting is refused with the nearest one", () => {
  for (const [name, meant] of MISSPELT) {
    assert.equal(unknownNameProblem(name, CATALOGUE), `is no setting; did you mean ${meant}?`, name);
  }
});

Deno.test("what begins as only ours do, or asks to read what is no secret from a file, is refused as well", () => {
  assert.equal(unknownNameProblem("VABUS_SECRET", CATALOGUE), "is no setting");
  assert.equal(unknownNameProblem("AGGREGATION_WINDOW_SIZE", CATALOGUE), "is no setting");
  assert.match(unknownNameProblem("KAFKA_TOPIC_FILE", CATALOGUE)!, /KAFKA_TOPIC is not read from a file/);
});

Deno.test("settings, and what other programs have in the environment, are let pass", () => {
  for (const name of [...GIVEN_NAMES, ...OF_OTHERS]) {
    assert.equal(unknownNameProblem(name, CATALOGUE), undefined, name);
  }
});

Deno.test("unknown names in the environment and in files are faults with their place, and no value is shown", () => {
  const sources = sourcesOf({
    environment: { VABUS_TOKN: "s3cr3t", KAFKA_URL: "x" },
    files: { "/srv/.env": "# ours\nKAFKA_SASL_PASSWRD=s3cr3t\nPOSTGRES_PASSWORD=s3cr3t\n" },
  });
  assert.throws(() => loadConfig(sources, () => []), (error: unknown) => {
    assert.ok(error instanceof ConfigError);
    assert.deepEqual(error.faults.map(({ subject, origin }) => `${subject} ${origin}`), [
      "KAFKA_SASL_PASSWRD .env:2",
      "VABUS_TOKN environment",
    ]);
    assert.doesNotMatch(error.message, /s3cr3t/);
    return true;
  });
});
