import type { Catalogue } from "../settings/catalogue.ts";
import { flagOf } from "../settings/variable.ts";
import type { AnyCommand } from "./command.ts";
import { EXIT } from "./exit.ts";

export const PROGRAM = "vabus-data-handler";

export const DESCRIPTION =
  "Reads events from VaBus, Kafka, MQTT, NATS, Redis, files and HTTP push, aggregates them by name, " +
  "labels, function and time window, and delivers the aggregates to Kafka, PostgreSQL or SQLite. " +
  "No event is lost, none is counted twice, and `verify` proves it.";

/** What each exit code means. */
export const EXIT_MEANINGS: readonly (readonly [code: number, meaning: string])[] = [
  [EXIT.done, "done"],
  [EXIT.failed, "failed; the state is safe"],
  [EXIT.usage, "wrong usage or configuration; every fault is named"],
  [EXIT.tryAgain, "try again later: out of reach with work left, or another process holds the state"],
];

/** Arguments of the program and what they do. */
export const EXAMPLES: readonly (readonly [args: string, effect: string])[] = [
  ["demo", "see it work, with nothing set up"],
  ["bus", "a bus to play with"],
  ["--storage-type stdout", "aggregate http://localhost:8000 onto the screen"],
  ["check", "before the service is started"],
];

/** The help of a setting's flag. `ownDefault` is the default of the command, where it has one. */
export function settingHelp(name: string, catalogue: Catalogue, ownDefault?: string): string {
  const { help, example, default: value, defaultText, secret } = catalogue.variable(name);
  const fallback = ownDefault ?? value ?? defaultText;
  const caution = secret
    ? `; other users of this host can see flags, so prefer ${catalogue.fileVariable(name)}`
    : `, such as ${example}`;
  return `${help}${caution}${fallback === undefined ? "" : ` (default: ${fallback})`}`;
}

/** The text below the list of commands. */
export function generalHelp(): string {
  return `
Settings:
  Each is an environment variable and a flag: AGGREGATION_INTERVAL=10 or --aggregation-interval 10.
  A flag beats the environment, which beats .env (in the working directory, or --env-file), which
  beats the default. Secrets are best kept in files: VABUS_TOKEN_FILE=/run/secrets/vabus.
  \`${PROGRAM} run --help\` lists them all.

Exit codes:
${EXIT_MEANINGS.map(([code, meaning]) => `  ${`${code}`.padEnd(3)} ${meaning}`).join("\n")}

Examples:
${exampleLines(EXAMPLES)}
`;
}

/** The text below the flags of one command. */
export function commandHelp({ examples, environmentHelp }: AnyCommand): string {
  return `
${
    environmentHelp ??
      `Every flag of the settings is also an environment variable: ${flagOf("STATE_DIR")} is STATE_DIR.`
  }

Examples:
${exampleLines(examples)}
`;
}

function exampleLines(examples: AnyCommand["examples"]): string {
  return examples.map(([args, effect]) => `  # ${effect}\n  ${PROGRAM} ${args}`).join("\n");
}
