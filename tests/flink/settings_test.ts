/** Every setting changes the job, or is said to have no counterpart. */
import assert from "node:assert/strict";
import { SETTING_NOTES } from "../../src/flink/setting_notes.ts";
import { StartOffsets } from "../../src/flink/start_offsets.ts";
import { statementsOf } from "../../src/flink/script.ts";
import { shown } from "../../src/cli/flink.ts";
import { CATALOGUE } from "../settings/sources.ts";
import fc from "../support/fast_check.ts";
import { jobOf, LEAST } from "./job.ts";

const POSTGRES = { STORAGE_TYPE: "postgres", POSTGRES_CONNECTION_STRING: "postgres://u:pw1@db/plant" };
const SASL = { KAFKA_SASL_MECHANISM: "plain", KAFKA_SASL_USERNAME: "u", KAFKA_SASL_PASSWORD: "pw1" };
const TLS_BUS = {
  VABUS_URL: "kafkas://broker1:9092/readings",
  VABUS_CERT_FILE: "/tls/cert.pem",
  VABUS_KEY_FILE: "/tls/key.pem",
};
const TLS_SINK = {
  KAFKA_SSL: "true",
  KAFKA_SSL_CERT_FILE: "/tls/cert.pem",
  KAFKA_SSL_KEY_FILE: "/tls/key.pem",
};
const LOGIN = {
  VABUS_URL: "kafka://broker1:9092/readings?sasl=plain",
  VABUS_USERNAME: "u",
  VABUS_PASSWORD: "pw1",
};

interface Change {
  /** Settings beside the least ones. */
  readonly beside?: Readonly<Record<string, string>>;
  /** Values that each make another job, the first of them beside `beside` where that has one. */
  readonly to: string;
}

/** For settings that change the statements: what changes them. */
const CHANGES: Readonly<Record<string, Change>> = {
  STORAGE_TYPE: { to: "kafka,stdout" },
  ROUTES: { to: "a.*=none;*=kafka" },
  KAFKA_BOOTSTRAP_SERVERS: { to: "broker2:9092" },
  KAFKA_TOPIC: { to: "other" },
  KAFKA_SASL_MECHANISM: { beside: SASL, to: "scram-sha-256" },
  KAFKA_SASL_USERNAME: { beside: SASL, to: "other" },
  KAFKA_SSL: { to: "true" },
  KAFKA_SSL_CA_FILE: { beside: { KAFKA_SSL: "true" }, to: "/tls/ca.pem" },
  KAFKA_SSL_CERT_FILE: { beside: TLS_SINK, to: "/tls/other.pem" },
  KAFKA_DELIVERY: { to: "at-least-once" },
  KAFKA_COMPRESSION: { to: "zstd" },
  POSTGRES_CONNECTION_STRING: { beside: POSTGRES, to: "postgres://u:pw1@db2/plant" },
  POSTGRES_SSL_CA_FILE: { beside: POSTGRES, to: "/tls/ca.pem" },
  POSTGRES_TABLE: { beside: POSTGRES, to: "metering.rows" },
  AGGREGATION_INTERVAL: { to: "10,300/60" },
  AGG_FUNCTIONS: { to: "*.energy=last;*=sum" },
  ALLOWED_LATENESS: { to: "30" },
  IDLE_TIMEOUT: { to: "90" },
  DEDUP_MAX_IDS: { to: "0" },
  MAX_FUTURE_SKEW: { to: "10" },
  VABUS_URL: { to: "kafka://broker2:9092/readings" },
  DEFAULT_VABUS_URL: {
    beside: { VABUS_URL: "", DEFAULT_VABUS_URL: LEAST.VABUS_URL },
    to: "kafka://broker2:9092/readings",
  },
  VABUS_CA_FILE: { beside: TLS_BUS, to: "/tls/ca.pem" },
  VABUS_CERT_FILE: { beside: TLS_BUS, to: "/tls/other.pem" },
  VABUS_USERNAME: { beside: LOGIN, to: "other" },
  EVENT_FORMAT: { to: "value" },
  EVENT_NAME: { to: "{/sensor}" },
  EVENT_VALUE: { to: "/reading" },
  EVENT_TIMESTAMP: { to: "bus" },
  EVENT_TIME_UNIT: { to: "ms" },
  EVENT_FUNCTION: { to: "/agg" },
  EVENT_ID: { to: "/uuid" },
  EVENT_LABELS: { to: "site:/site" },
  INSTANCE_ID: { to: "plant8" },
  CHECKPOINT_INTERVAL: { to: "7" },
};

/** Settings whose value is a secret: a variable stands for it, whatever it is. */
const SECRETS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  KAFKA_SASL_PASSWORD: SASL,
  KAFKA_SSL_KEY_FILE: TLS_SINK,
  VABUS_KEY_FILE: TLS_BUS,
  VABUS_PASSWORD: LOGIN,
};

Deno.test("each setting there is has a note, and no other has one", () => {
  assert.deepEqual(Object.keys(SETTING_NOTES).sort(), [...CATALOGUE.names].sort());
  const inScript = CATALOGUE.names.filter((name) =>
    ["script", "differs"].includes(SETTING_NOTES[name]!.counterpart)
  );
  assert.deepEqual([...Object.keys(CHANGES), ...Object.keys(SECRETS)].sort(), inScript.sort());
});

Deno.test("a setting with a counterpart changes the statements, whatever else is set", () => {
  // No setting of these is needed or ruled out by one of CHANGES.
  const others = fc.subarray([
    "AGGREGATION_INTERVAL",
    "AGG_FUNCTIONS",
    "ALLOWED_LATENESS",
    "CHECKPOINT_INTERVAL",
    "MAX_FUTURE_SKEW",
  ]);
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(CHANGES)), others, (name, more) => {
      const { beside = {}, to } = CHANGES[name]!;
      const base = {
        ...LEAST,
        ...Object.fromEntries(
          more.filter((other) => other !== name).map((other) => [other, CHANGES[other]!.to]),
        ),
        ...beside,
      };
      const [before, after] = [jobOf(base), jobOf({ ...base, [name]: to })];
      assert.notDeepEqual(statementsOf(after.job), statementsOf(before.job), name);
    }),
    { numRuns: 100 },
  );
});

Deno.test("a secret stands as a variable where it is shown, and as itself where it is handed over", () => {
  for (const [name, settings] of Object.entries(SECRETS)) {
    const variable = /\$\{(\w+)\}/.exec(SETTING_NOTES[name]!.words)![1]!;
    const given = { ...LEAST, ...settings };
    const { script, secrets } = jobOf(given);
    assert.ok(script.includes(`\${${variable}}`), name);
    for (const secret of secrets) assert.ok(!script.includes(secret), name);
    const handedOver = statementsOf(jobOf(given, { secret: (_, value) => value }).job).join("\n");
    assert.ok(secrets.some((secret) => handedOver.includes(secret.trim())), name);
  }
});

Deno.test("a secret is not shown where Flink quotes a statement, whatever characters it has", () => {
  const password = fc.string({ minLength: 4, maxLength: 20, unit: fc.constantFrom(..."abc'\"\\ ") })
    .filter((text) => text.trim() === text);
  fc.assert(
    fc.property(password, (secret) => {
      const given = { ...LEAST, ...SASL, KAFKA_SASL_PASSWORD: secret };
      const { job, secrets } = jobOf(given, { secret: (_, value) => value });
      const option = /'properties.sasl.jaas.config' = .*/.exec(statementsOf(job).join("\n"))![0];
      const whole = option.replaceAll(/\s+/g, " ");
      for (const quoting of [option, whole]) assert.match(shown(quoting, secrets), /password="\*+";'/);
    }),
    { numRuns: 200, seed: 20_199 },
  );
});

Deno.test("a setting without a counterpart is named when it is given, and changes nothing", () => {
  const without = jobOf(LEAST);
  const values: Readonly<Record<string, string>> = {
    CORRECTION_HORIZON: "7d",
    MAX_WAIT: "1h",
    MAX_SERIES: "5",
    LOG_LEVEL: "debug",
    OUTBOX_MAX_ROWS: "5",
    STATE_DIR: "/other",
  };
  for (const [name, value] of Object.entries(values)) {
    const { job, script } = jobOf({ ...LEAST, [name]: value });
    assert.deepEqual(statementsOf(job), statementsOf(without.job), name);
    const { words } = SETTING_NOTES[name]!;
    assert.ok(script.replaceAll("\n-- ", " ").includes(`${name} ${words}.`), name);
  }
});

Deno.test("what Flink cannot read or write is left out with its reason, and an error where nothing is left", () => {
  const { job } = jobOf({
    ...LEAST,
    STORAGE_TYPE: "kafka,sqlite",
    SQLITE_PATH: "/a",
    VABUS_URL: `${LEAST.VABUS_URL},mqtt://b/t`,
  });
  assert.deepEqual(job.leftOut.map((sentence) => sentence.split(":")[0]), [
    "The bus mqtt",
    "The sink sqlite is left out",
  ]);
  const hopeless: Record<string, string>[] = [
    { VABUS_URL: "http://bus:8000" },
    { STORAGE_TYPE: "sqlite", SQLITE_PATH: "/a" },
    { EVENT_FORMAT: "influx" },
    { EVENT_VALUE: "*" },
    { EVENT_VALUE: "/values/0" },
    { EVENT_VALUE: "/a", EVENT_NAME: "{/a/b}" },
    { ROUTES: "*=none" },
  ];
  const strange = { offsets: new StartOffsets(new Map([["kafka://other/readings", []]])) };
  assert.throws(
    () => jobOf(LEAST, strange),
    /does not know the bus kafka:\/\/broker1.*it knows kafka:\/\/other/,
  );
  for (const settings of hopeless) {
    assert.throws(() => jobOf({ ...LEAST, ...settings }), { name: "Cannot" }, JSON.stringify(settings));
  }
});

Deno.test("the states of several instances say together where the job begins", () => {
  const bus = "kafka://broker1:9092/readings";
  const ofInstance0 = [
    { partition: "readings/0", position: "40 epoch 1 begun 0 read 0" },
    { partition: "readings/1", position: "17 epoch 1 begun 0 read 0 given 1/2" },
  ];
  const ofInstance1 = [{ partition: "readings/1", position: "90 epoch 2 begun 0 read 17" }];
  for (const known of [[...ofInstance0, ...ofInstance1], [...ofInstance1, ...ofInstance0]]) {
    const { script } = jobOf(LEAST, { offsets: new StartOffsets(new Map([[bus, known]])) });
    const [, offsets] = /'scan.startup.specific-offsets' = '(.*)'/.exec(script)!;
    assert.deepEqual(offsets!.split(";").sort(), ["partition:0,offset:40", "partition:1,offset:90"]);
  }
  assert.throws(
    () => jobOf(LEAST, { offsets: new StartOffsets(new Map([[bus, ofInstance0]])) }),
    /^Cannot: The partition readings\/1 was given to instance 1 of 2, whose state is not named: give --from-state/,
  );
});

Deno.test("no text of an operator ends its literal, its name or its comment", () => {
  const hostile = "x') DROP TABLE `a` --";
  const { job, script } = jobOf({
    ...LEAST,
    INSTANCE_ID: hostile,
    AGG_FUNCTIONS: `${hostile}*=avg;*=sum`,
    EVENT_LABELS: "a`b:/m`eta/x'y",
  });
  for (const statement of [...statementsOf(job), script]) {
    const bare = statement.replaceAll(/--[^\n]*|'(?:[^']|'')*'|`(?:[^`]|``)*`/g, "");
    assert.doesNotMatch(bare, /DROP|['`]/);
  }
});
