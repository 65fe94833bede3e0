import assert from "node:assert/strict";
import { outcomeOf } from "../../src/cli/boundary.ts";
import { EXIT } from "../../src/cli/exit.ts";
import { loadBusConfig } from "../../src/settings/bus_config.ts";
import type { Config } from "../../src/settings/config.ts";
import { maskedConfig } from "../../src/settings/effective.ts";
import { ConfigError } from "../../src/settings/fault.ts";
import { flagOf } from "../../src/settings/variable.ts";
import { REGISTRY } from "../../src/runtime/registry.ts";
import { busesOf, CATALOGUE, sourcesOf } from "../settings/sources.ts";
import { below, chance, oddText, oneOf } from "./draw.ts";
import { mutated } from "./mutation.ts";
import type { Random, Target, Trial } from "./target.ts";

/**
 * Settings with any text, from any origin, are accepted, or are refused in one message that names the faults
 * and shows no secret.
 */
export const configuration: Target = {
  name: "configuration",
  what: "variables, flags, .env and files of any text: accepted, or one error that names them and tells " +
    "no secret",
  open: () => Promise.resolve(new ConfigurationTrial()),
};

/** Part of every secret that is given. */
const SECRET = "swordfish";
const STACK_TRACE = /^\s+at |\.ts:\d+|internal error|\[object |undefined/m;
/** What a terminal would act upon; the ends of the message's own lines are put in by us. */
const CONTROL = /[^\P{Cc}\n]/u;
/** With the settings of sinks that have ids of their own, whether or not there are such sinks. */
const ALL = CATALOGUE.withNamed([{ id: "history", kind: "postgres" }, { id: "far", kind: "kafka" }]);
const SUBJECTS = new Set([
  ...ALL.givenNames,
  ...ALL.givenNames.map(flagOf),
  "--env-file",
  "the working directory",
]);

/** A line of a file of variables. */
const LINE = /^(\.env|\/run\/secret|\/srv\/\.env):\d+$/;

class ConfigurationTrial implements Trial {
  attempt(random: Random): string {
    const sources = sourcesOf({
      environment: given(random, (name) => name),
      flags: chance(random, 0.3) ? given(random, (name) => name) : {},
      files: {
        "/srv/.env": chance(random, 0.2) ? envText(random) : "",
        "/user": oddText(random, 10),
        "/run/secret": oneOf(random, ["", "\n", `${SECRET}${oddText(random, 4)}\n`, new Error("no way in")]),
        "/tls.pem": oneOf(random, [
          "",
          "-----BEGIN CERTIFICATE-----",
          `-----BEGIN PRIVATE KEY-----${SECRET}`,
        ]),
      },
      ...(chance(random, 0.05) && { envFile: oneOf(random, ["/nowhere", "/run/secret", "/srv/.env"]) }),
      hostName: oneOf(random, ["edge7", "edge7", "", " ", oddText(random, 8)]),
    });
    const ofBus = attempted(() => void loadBusConfig(sources, CATALOGUE));
    const outcome = attempted(() => assertShowable(REGISTRY.configure(sources)));
    if (outcome === "accepted") assert.equal(ofBus, "accepted", "the bus refuses what the handler accepts");
    return outcome;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

function attempted(load: () => void): "accepted" | "refused" {
  try {
    load();
    return "accepted";
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { exitCode, message } = outcomeOf(error, { isDebug: true, secrets: [] });
    assert.equal(exitCode, EXIT.usage);
    assert.ok(error.faults.length > 0);
    for (const { subject } of error.faults) {
      assert.ok(
        SUBJECTS.has(subject) || LINE.test(subject) || CATALOGUE.ofUnnamedSink(subject) !== undefined,
        `the subject ${subject} is none that an operator knows`,
      );
      assert.ok(message!.includes(subject), `${subject} is not named in: ${message}`);
    }
    const caretLines = 2 * error.faults.filter(({ pointed }) => pointed !== undefined).length;
    const lines = 1 + error.faults.length + caretLines;
    assert.equal(message!.split("\n").length, lines, `a line for each fault, two for a caret: ${message}`);
    assertFitToSee(message!);
    return "refused";
  }
}

function assertShowable(config: Config): void {
  const shown = maskedConfig(config);
  assertFitToSee(shown);
  for (const name of CATALOGUE.names) assert.ok(shown.includes(name), `${name} is not shown`);
  for (const warning of config.warnings) assertFitToSee(warning);
  for (const { address: { token } } of busesOf(config)) {
    if (token !== undefined) assert.ok(config.secrets.includes(token));
  }
}

function assertFitToSee(text: string): void {
  assert.ok(!text.includes(SECRET), `a secret is shown: ${text}`);
  assert.doesNotMatch(text, CONTROL);
  assert.doesNotMatch(text, STACK_TRACE);
}

/** Some variables with texts that are right, nearly right, or anything. */
function given(random: Random, keyOf: (name: string) => string): Record<string, string> {
  const names = Array.from({ length: below(random, 8) }, () => oneOf(random, ALL.givenNames));
  return Object.fromEntries(names.map((name) => [keyOf(name), text(random, name)]));
}

function text(random: Random, name: string): string {
  // A user name is shown, from wherever it was read.
  if (name.endsWith("USERNAME_FILE")) {
    return oneOf(random, ["/user", "/nowhere", oddText(random, 10)]);
  }
  if (name.endsWith("_FILE")) {
    return oneOf(random, ["/run/secret", "/tls.pem", "/nowhere", "", oddText(random, 10)]);
  }
  if (name === "STORAGE_TYPE" && chance(random, 0.3)) return "sqlite,history:postgres,far:kafka";
  const definition = ALL.variable(name);
  // What a URL holds in the place of its password is a secret; where that place is must be beyond doubt.
  if (/_(URL|CONNECTION_STRING)$/.test(name)) return urlText(random, name.includes("POSTGRES"));
  if (definition.secret) return `${oddText(random, 3)}${SECRET}${oddText(random, 3)}`;
  switch (below(random, 4)) {
    case 0:
      return oddText(random, 200);
    case 1:
      return oneOf(random, ODD_NUMBERS);
    case 2:
      return new TextDecoder().decode(mutated(random, new TextEncoder().encode(definition.example)));
    default:
      return definition.default ?? definition.example;
  }
}

function urlText(random: Random, isPostgres: boolean): string {
  const odd = (maxLength: number) => (chance(random, 0.7) ? "" : oddText(random, maxLength));
  const scheme = isPostgres ? oneOf(random, ["postgres://", "postgresql://"]) : "http://";
  const hosts = oneOf(random, ["bus:8000", "bus", "[::1]:8000", "a:1,b:2", "", ":", "bus:99999", "-"]);
  const rest = oneOf(random, ["", "/", "/plant", `/plant?sslmode=require`, `?password=${SECRET}`, "#x"]);
  return `${scheme}user${odd(3)}:${odd(4)}${SECRET}${odd(4)}@${hosts}${rest}`;
}

function envText(random: Random): string {
  const lines = Object.entries(given(random, (name) => name)).map(([name, value]) =>
    oneOf(random, [`${name}=${value}`, `export ${name}="${value}"`, `${name}='${value}'`, `# ${name}`, name])
  );
  return lines.join(oneOf(random, ["\n", "\r\n"]));
}

// deno-fmt-ignore
const ODD_NUMBERS = [
  "0", "-0", "-1", "1e3", "0x10", "1.", ".5", "0.1", "0.0001", "60", "٣", "1_000", "1,000", " 5 ", "NaN", "Infinity",
  "9007199254740993", "99999999999999999999999999", "1".repeat(400), "true", "false", "off", "5s", "",
];
