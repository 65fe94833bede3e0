import assert from "node:assert/strict";
import { ConfigError } from "../../src/settings/fault.ts";
import { loadConfig, sourcesOf } from "./sources.ts";

type Environment = Record<string, string>;

const load = (environment: Environment) => loadConfig(sourcesOf({ environment }), () => []);

/**
 * Settings that are right by themselves; what the warning about them begins with; and a mend that silences
 * it.
 */
const DOUBTFUL: readonly [settings: Environment, warning: RegExp, mend: Environment][] = [
  [
    { CORRECTION_HORIZON: "60" },
    /^CORRECTION_HORIZON \(60 s\) is less than MAX_FUTURE_SKEW \+ ALLOWED_LATENESS \(305 s\)/,
    { MAX_FUTURE_SKEW: "55" },
  ],
  [
    { CORRECTION_HORIZON: "3", MAX_FUTURE_SKEW: "0" },
    /^CORRECTION_HORIZON is less than ALLOWED_LATENESS/,
    { ALLOWED_LATENESS: "1", AGGREGATION_INTERVAL: "1" },
  ],
  [
    { CORRECTION_HORIZON: "600", AGGREGATION_INTERVAL: "3600" },
    /^CORRECTION_HORIZON \(600 s\) is less than AGGREGATION_INTERVAL \(3600 s\)/,
    { CORRECTION_HORIZON: "3600" },
  ],
  [
    { CORRECTION_HORIZON: "0", ALLOWED_LATENESS: "0" },
    /^CORRECTION_HORIZON and ALLOWED_LATENESS are both 0/,
    { ALLOWED_LATENESS: "1" },
  ],
  [
    { CORRECTION_HORIZON: "0", ALLOWED_LATENESS: "30" },
    /^IDLE_TIMEOUT \(10 s\) is less than ALLOWED_LATENESS \(30 s\)/,
    { IDLE_TIMEOUT: "30" },
  ],
  [
    { MAX_WAIT: "10", ALLOWED_LATENESS: "60" },
    /^MAX_WAIT \(10 s\) is less than ALLOWED_LATENESS \(60 s\)/,
    { MAX_WAIT: "60" },
  ],
  [
    { DEDUP_MAX_IDS: "1000" },
    /^DEDUP_MAX_IDS \(1000\) is less than VABUS_BATCH_SIZE \(10000\)/,
    { VABUS_BATCH_SIZE: "1000" },
  ],
  [{ OUTBOX_MAX_ROWS: "1000" }, /^OUTBOX_MAX_ROWS \(1000\) is less than MAX_SERIES/, { MAX_SERIES: "1000" }],
  [
    { METRICS_INTERVAL: "0", HTTP_LISTEN: "off" },
    /^METRICS_INTERVAL is 0 and HTTP_LISTEN is off/,
    { METRICS_INTERVAL: "15" },
  ],
  [
    { HTTP_LISTEN: "0.0.0.0:8090", VIEWER_TOKEN: "viewer-secret-1" },
    /^VIEWER_TOKEN: sent over the network in the clear/,
    { HTTP_LISTEN: "127.0.0.1:8090" },
  ],
  [
    { HTTP_LISTEN: "off", VIEWER_TOKEN: "viewer-secret-1", ADMIN_TOKEN: "admin-secret-22" },
    /^VIEWER_TOKEN and ADMIN_TOKEN: set, but HTTP_LISTEN is off/,
    { HTTP_LISTEN: "127.0.0.1:8090" },
  ],
  [
    { KAFKA_BOOTSTRAP_SERVERS: "kafka:9092" },
    /^KAFKA_BOOTSTRAP_SERVERS is set, but nothing goes there/,
    { STORAGE_TYPE: "sqlite,kafka" },
  ],
  [
    { POSTGRES_CONNECTION_STRING: "postgres://user:s3cr3t@localhost/plant" },
    /^POSTGRES_CONNECTION_STRING is set, but nothing goes there/,
    { STORAGE_TYPE: "postgres" },
  ],
];

for (const [settings, warning, mend] of DOUBTFUL) {
  Deno.test(`a warning: ${Object.entries(settings).map((pair) => pair.join("=")).join(" ")}`, () => {
    const { warnings } = load(settings);
    assert.ok(warnings.some((text) => warning.test(text)), warnings.join("\n") || "no warning at all");
    assert.doesNotMatch(warnings.join(), /s3cr3t/);
    assert.deepEqual(load({ ...settings, ...mend }).warnings, []);
  });
}

/** Settings that cannot be in force together, and the one that is at fault. */
const IMPOSSIBLE: readonly [settings: Environment, subject: string][] = [
  [{ SQLITE_PATH: "/state/state.sqlite", STATE_DIR: "/state" }, "SQLITE_PATH"],
  [{ SQLITE_PATH: "/state/x/../state.sqlite-wal", STATE_DIR: "/state" }, "SQLITE_PATH"],
  [{ SQLITE_PATH: "/state", STATE_DIR: "/state" }, "SQLITE_PATH"],
  [{ SQLITE_PATH: "/srv", STATE_DIR: "/srv/state" }, "SQLITE_PATH"],
  [{ SQLITE_RETENTION: "24h" }, "SQLITE_RETENTION"],
  [{ SQLITE_RETENTION: "2d", CORRECTION_HORIZON: "2d" }, "SQLITE_RETENTION"],
  [
    { STORAGE_TYPE: "sqlite,long:sqlite", LONG_SQLITE_PATH: "/srv/long", LONG_SQLITE_RETENTION: "1h" },
    "LONG_SQLITE_RETENTION",
  ],
  [{ ADMIN_TOKEN: "one-and-the-same", VIEWER_TOKEN: "one-and-the-same" }, "ADMIN_TOKEN"],
  [{ ADMIN_TOKEN: "eleven-char" }, "ADMIN_TOKEN"],
  [{ HTTP_LISTEN: "127.0.0.1:8000" }, "HTTP_LISTEN"],
  [{ HTTP_LISTEN: "0.0.0.0:80", VABUS_URL: "http://far:8000,http://localhost" }, "HTTP_LISTEN"],
  [{ HTTP_LISTEN: "10.0.0.7:8000", VABUS_URL: "http://10.0.0.7:8000" }, "HTTP_LISTEN"],
  [
    { HTTP_LISTEN: "[::1]:9092", STORAGE_TYPE: "kafka", KAFKA_BOOTSTRAP_SERVERS: "far:9092,localhost:9092" },
    "HTTP_LISTEN",
  ],
  [
    {
      HTTP_LISTEN: "127.0.0.1:5432",
      STORAGE_TYPE: "postgres",
      POSTGRES_CONNECTION_STRING: "postgres://u@localhost/d",
    },
    "HTTP_LISTEN",
  ],
];

for (const [settings, subject] of IMPOSSIBLE) {
  Deno.test(`an error: ${Object.entries(settings).map((pair) => pair.join("=")).join(" ")}`, () => {
    assert.throws(() => load(settings), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.deepEqual(error.faults.map((fault) => fault.subject), [subject]);
      return true;
    });
  });
}

Deno.test("the defaults contradict nothing; nor do the same port elsewhere, or a free one", () => {
  assert.deepEqual(load({}).warnings, []);
  load({ HTTP_LISTEN: "127.0.0.1:8000", VABUS_URL: "http://bus:8000" });
  load({ HTTP_LISTEN: "127.0.0.1:0" });
  load({ SQLITE_PATH: "/state/aggregates.sqlite", STATE_DIR: "/state" });
  load({ SQLITE_RETENTION: "25h" });
});
