import assert from "node:assert/strict";
import { ConfigError } from "../../src/settings/fault.ts";
import { loadConfig, sourcesOf } from "./sources.ts";

const denied = new Error("Permission denied (os error 13)");

function load(environment: Record<string, string>, isAlone = false) {
  const sources = sourcesOf({ environment, files: { "/secret": denied } });
  return loadConfig({ ...sources, isAlone }, () => []);
}

const SERVICE = {
  STORAGE_TYPE: "sqlite,postgres,kafka",
  VABUS_TOKEN_FILE: "/secret",
  POSTGRES_CONNECTION_STRING_FILE: "/gone",
};

Deno.test("what only buses and sinks need may be missing where nobody speaks to them; the sinks are left out and named", () => {
  const { sinks, lacking } = load(SERVICE, true);
  assert.deepEqual(sinks.map(({ id }) => id), ["sqlite"]);
  assert.deepEqual(lacking, [
    { sink: "postgres", problem: "POSTGRES_CONNECTION_STRING_FILE names a file that is not there" },
    { sink: "kafka", problem: "KAFKA_BOOTSTRAP_SERVERS is missing, since STORAGE_TYPE has kafka" },
  ]);
});

Deno.test("whoever needs them is told of all of it", () => {
  assert.throws(() => load(SERVICE), (error) => error instanceof ConfigError && error.faults.length === 3);
});

Deno.test("what is wrong, and not only missing, is a fault for everybody; so is what the command itself needs", () => {
  for (
    const [name, value] of [["POSTGRES_TABLE", "no table"], ["VABUS_URL", "ftp://x"], [
      "SQLITE_PATH",
      "a\\0b",
    ]]
  ) {
    const wrong = value!.replace("\\0", "\0");
    assert.throws(() => load({ ...SERVICE, [name!]: wrong }, true), ConfigError, name);
  }
});
