/** Sinks with ids of their own: their settings are those of their kind, with the id before them. */
import assert from "node:assert/strict";
import { maskedConfig } from "../../src/settings/effective.ts";
import { ConfigError } from "../../src/settings/fault.ts";
import { redact } from "../../src/settings/redaction.ts";
import { loadConfig, sourcesOf } from "./sources.ts";

type Machine = NonNullable<Parameters<typeof sourcesOf>[0]>;

const TWO = {
  STORAGE_TYPE: "postgres,history:postgres",
  POSTGRES_CONNECTION_STRING: "postgres://u@localhost/plant",
  HISTORY_POSTGRES_CONNECTION_STRING: "postgres://u:s3cr3t@localhost/history",
};

const load = (environment: Record<string, string>, machine: Machine = {}) =>
  loadConfig(sourcesOf({ ...machine, environment }));

function faultsOf(environment: Record<string, string>, machine: Machine = {}): string[] {
  try {
    load(environment, machine);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    assert.doesNotMatch(error.message, /s3cr3t/);
    return error.faults.map(({ subject, problem }) => `${subject} ${problem}`);
  }
  return [];
}

Deno.test("each sink has the settings that its id stands before; the one without has those of its kind", () => {
  const { sinks } = load({ ...TWO, HISTORY_POSTGRES_TABLE: "old.rows" });
  assert.deepEqual(sinks.map(({ id, kind }) => `${id}:${kind}`), ["postgres:postgres", "history:postgres"]);
  const tables = sinks.map(({ options }) => (options as { table: string }).table);
  assert.deepEqual(tables, ["aggregated_events", "old.rows"]);
});

Deno.test("from a flag, a file of settings, a file of its own and the environment, in the usual order", () => {
  const tableOf = (environment: Record<string, string>, machine: Machine) => {
    const [, history] = load({ ...TWO, ...environment }, machine).sinks;
    return (history!.options as { table: string }).table;
  };
  const file = { "/srv/.env": "HISTORY_POSTGRES_TABLE=of_file\n" };
  assert.equal(tableOf({}, { files: file }), "of_file");
  assert.equal(tableOf({ HISTORY_POSTGRES_TABLE: "of_environment" }, { files: file }), "of_environment");
  const flags = { HISTORY_POSTGRES_TABLE: "of_flag" };
  assert.equal(tableOf({ HISTORY_POSTGRES_TABLE: "of_environment" }, { files: file, flags }), "of_flag");
  const { HISTORY_POSTGRES_CONNECTION_STRING: text, ...rest } = TWO;
  const files = { "/run/history": `${text}\n` };
  const config = load({ ...rest, HISTORY_POSTGRES_CONNECTION_STRING_FILE: "/run/history" }, { files });
  const shown = config.settings.find(({ variable }) => variable === "HISTORY_POSTGRES_CONNECTION_STRING")!;
  assert.deepEqual([shown.value, shown.origin], [
    "postgres://u:***@localhost/history",
    "file /run/history",
  ]);
});

Deno.test("secrets are masked, redacted, and told of where they are exposed, by the names that they have", () => {
  const environment = {
    ...TWO,
    HISTORY_POSTGRES_CONNECTION_STRING: "postgres://u:s3cr3t@db/history",
    STORAGE_TYPE: "postgres,history:postgres,far:kafka",
    FAR_KAFKA_BOOTSTRAP_SERVERS: "broker:1",
    FAR_KAFKA_SASL_MECHANISM: "plain",
    FAR_KAFKA_SASL_USERNAME: "u",
    FAR_KAFKA_SASL_PASSWORD: "pa55word",
  };
  const config = load(environment);
  assert.doesNotMatch(maskedConfig(config) + JSON.stringify(config.settings), /s3cr3t|pa55word/);
  assert.equal(redact("s3cr3t pa55word", config.secrets), "*** ***");
  const told = config.warnings.join("\n");
  assert.match(
    told,
    /the login of HISTORY_POSTGRES_CONNECTION_STRING goes to db .*HISTORY_POSTGRES_SSL_CA_FILE/,
  );
  assert.match(told, /FAR_KAFKA_SASL_PASSWORD goes to broker .*set FAR_KAFKA_SSL=true/);
  assert.match(maskedConfig(config), /^# PostgreSQL \(history\)$/m);
});

Deno.test("what is wrong with one is told by its own names, also within messages", () => {
  assert.deepEqual(faultsOf({ STORAGE_TYPE: "stdout,history:postgres" }), [
    "HISTORY_POSTGRES_CONNECTION_STRING is missing, since STORAGE_TYPE has history:postgres",
  ]);
  assert.deepEqual(
    faultsOf({
      STORAGE_TYPE: "far:kafka",
      FAR_KAFKA_BOOTSTRAP_SERVERS: "b:1",
      FAR_KAFKA_SASL_USERNAME: "u",
      FAR_KAFKA_SASL_PASSWORD: "s3cr3t",
    }),
    ["FAR_KAFKA_SASL_MECHANISM is missing, since FAR_KAFKA_SASL_USERNAME is set"],
  );
  const [passfile] = faultsOf({
    ...TWO,
    HISTORY_POSTGRES_CONNECTION_STRING: "postgres://u:s3cr3t@h/d?passfile=x",
  });
  assert.match(passfile!, /put the password into HISTORY_POSTGRES_CONNECTION_STRING_FILE/);
});

const MISSPELT: readonly (readonly [name: string, meant: string])[] = [
  ["HISTRY_POSTGRES_TABLE", "HISTORY_POSTGRES_TABLE"],
  ["HISTORY_POSTGRES_TABEL", "HISTORY_POSTGRES_TABLE"],
  ["HISTORY_POSTGRES_CONNECTION_STRING_FILES", "HISTORY_POSTGRES_CONNECTION_STRING_FILE"],
  ["HISTORYPOSTGRES_CREATE_TABLE", "HISTORY_POSTGRES_CREATE_TABLE"],
];

for (const [name, meant] of MISSPELT) {
  Deno.test(`${name} is refused, and ${meant} is meant`, () => {
    assert.deepEqual(faultsOf({ ...TWO, [name]: "s3cr3t" }), [
      `${name} is no setting; did you mean ${meant}?`,
    ]);
  });
}

Deno.test("a misspelt flag of a sink with an id is told, and so is one of a sink that there is not", () => {
  assert.deepEqual(faultsOf(TWO, { flags: { HISTRY_POSTGRES_TABLE: "x" } }), [
    "--histry-postgres-table is no flag; did you mean --history-postgres-table?",
  ]);
  assert.deepEqual(faultsOf({}, { flags: { ARCHIVE_POSTGRES_TABLE: "x" } }), [
    "--archive-postgres-table is the flag of a sink that STORAGE_TYPE does not have; add " +
    "archive:postgres to it, or leave the flag out",
  ]);
});

Deno.test("what would be the setting of a sink that there is not may be another program's: a warning", () => {
  const { warnings } = load({ STORAGE_TYPE: "stdout", AIRFLOW_KAFKA_TOPIC: "x" });
  assert.deepEqual(warnings, [
    "AIRFLOW_KAFKA_TOPIC is set, but nothing goes there: STORAGE_TYPE (stdout) has no airflow:kafka",
  ]);
  const { warnings: ofKind } = load({ ...TWO, STORAGE_TYPE: "history:postgres" });
  assert.deepEqual(ofKind, [
    "POSTGRES_CONNECTION_STRING is set, but nothing goes there: STORAGE_TYPE (history:postgres) has " +
    "no postgres",
  ]);
});

const WRONG: readonly (readonly [text: string, problem: RegExp])[] = [
  ["stdout,stdout", /names the same twice/],
  ["a:sqlite,a:postgres", /names the same twice/],
  [
    "old-one:sqlite,old_one:sqlite",
    /ids old-one and old_one, whose settings would be called the same \(OLD_ONE_…\)/,
  ],
  ["kafka:sqlite", /has the id kafka for a sink of the kind sqlite/],
  ["none:sqlite", /has the id none/],
  ["1st:sqlite", /has an id that is not of lower-case letters/],
  ["a b:sqlite", /has an id that is not of/],
  ["-:sqlite", /has an id that is not of/],
  [":sqlite", /has an id that is not of/],
  [`${"x".repeat(41)}:sqlite`, /at most 40/],
  ["history:oracle", /which is not known/],
  ["history:", /which is not known/],
  ["a:b:sqlite", /which is not known/],
];

for (const [text, problem] of WRONG) {
  Deno.test(`STORAGE_TYPE=${text} is refused`, () => {
    const [fault, ...others] = faultsOf({ STORAGE_TYPE: text });
    assert.match(fault!, /^STORAGE_TYPE /);
    assert.match(fault!, problem);
    assert.deepEqual(others, []);
  });
}

const KAFKA = { STORAGE_TYPE: "kafka,far:kafka", KAFKA_BOOTSTRAP_SERVERS: "a:1,b:1" };
const SAME: readonly (readonly [what: string, environment: Record<string, string>])[] = [
  ["one file", { STORAGE_TYPE: "sqlite,b:sqlite", SQLITE_PATH: "/x/y", B_SQLITE_PATH: "/x/z/../y" }],
  ["one table", { ...TWO, HISTORY_POSTGRES_CONNECTION_STRING: "postgres://v@localhost:5432/plant" }],
  ["one table, its schema written out", {
    ...TWO,
    HISTORY_POSTGRES_CONNECTION_STRING: "host=localhost dbname=plant user=v",
    HISTORY_POSTGRES_TABLE: "public.aggregated_events",
  }],
  ["one topic", { ...KAFKA, FAR_KAFKA_BOOTSTRAP_SERVERS: "c:1,b:1" }],
  ["stdout", { STORAGE_TYPE: "stdout,second:stdout" }],
];
for (const [what, environment] of SAME) {
  Deno.test(`two sinks may not write to the same place: ${what}`, () => {
    const [fault, ...others] = faultsOf(environment);
    assert.match(fault!, /^STORAGE_TYPE has \w+ and \w+:\w+, which write to the same place/);
    assert.deepEqual(others, []);
  });
}

Deno.test("two sinks of a kind with places of their own are in order", () => {
  load(TWO);
  load({
    ...TWO,
    HISTORY_POSTGRES_CONNECTION_STRING: TWO.POSTGRES_CONNECTION_STRING,
    HISTORY_POSTGRES_TABLE: "b",
  });
  load({ ...KAFKA, FAR_KAFKA_BOOTSTRAP_SERVERS: "a:1", FAR_KAFKA_TOPIC: "other" });
  const { sinks } = load({ STORAGE_TYPE: "sqlite,b:sqlite" });
  assert.deepEqual(sinks.map(({ options }) => options), [
    { path: "/home/vabus/.local/state/vabus-data-handler/aggregates.sqlite" },
    { path: "/home/vabus/.local/state/vabus-data-handler/aggregates-b.sqlite" },
  ]);
});

Deno.test("what one needs and is given wrongly, in whatever way, is told once and alone", () => {
  const needed = "HISTORY_POSTGRES_CONNECTION_STRING";
  const told = (machine: Machine) => faultsOf({ STORAGE_TYPE: "history:postgres" }, machine);
  assert.deepEqual(told({ flags: { [needed]: "" } }), [
    "--history-postgres-connection-string is empty; leave the flag out or give it a value",
  ]);
  assert.deepEqual(told({ flags: { [`${needed}_FILE`]: "/nowhere" } }), [
    `${needed}_FILE names a file that is not there`,
  ]);
  assert.deepEqual(told({ files: { "/srv/.env": `${needed}='postgres://u:s3cr3t@h/d\n` } }), [
    `${needed} has a quote that does not end on its line`,
  ]);
});

Deno.test("a file that is the state's is refused for each of them", () => {
  assert.deepEqual(
    faultsOf({ STORAGE_TYPE: "sqlite,b:sqlite", STATE_DIR: "/state", B_SQLITE_PATH: "/state/state.sqlite" }),
    ["B_SQLITE_PATH is a file of the state itself; take another name"],
  );
});
