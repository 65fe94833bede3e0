import { join } from "node:path";
import { GATEWAY_NAME } from "../demo/gateway.ts";
import { PLAIN_FUNCTIONS, PLAIN_SENSOR } from "../demo/plant.ts";
import { tmpdir } from "node:os";
import type { Config } from "../settings/config.ts";
import { ConfigError } from "../settings/fault.ts";
import type { Sources } from "../settings/settings.ts";
import { flagOf } from "../settings/variable.ts";
import type { Registry } from "../runtime/registry.ts";

/** The screen reads the table of this sink. */
const DEMO_SINK = "sqlite";

export const DEMO_VARIABLES: readonly string[] = [
  "AGGREGATION_INTERVAL",
  "ALLOWED_LATENESS",
  "STATE_DIR",
  "HTTP_LISTEN",
  "HTTP_ALLOWED_HOSTS",
  "LOG_LEVEL",
  "LOG_FORMAT",
];

/** Only errors are logged: the demo shows garbage and late events on its screen. */
const OWN = {
  AGGREGATION_INTERVAL: "5,15",
  AGG_FUNCTIONS: `${PLAIN_SENSOR}=${PLAIN_FUNCTIONS.join()};${GATEWAY_NAME}=avg`,
  ALLOWED_LATENESS: "1",
  LOG_LEVEL: "error",
  HTTP_LISTEN: "127.0.0.1:0",
} as const;

export const DEMO_DEFAULTS: Partial<Record<string, string>> = {
  ...OWN,
  STATE_DIR: "a temporary directory, deleted at the end",
};

export const DEMO_ENVIRONMENT_HELP =
  "Of the environment only LOG_LEVEL, LOG_FORMAT and HTTP_LISTEN are heeded: the demo keeps away " +
  "from a real installation.";

const DIRECTORY_NAME = `vabus-data-handler-demo-${crypto.randomUUID().slice(0, 8)}`;

/**
 * The temporary directory for the demo's state, deleted at the end. It is used unless another directory is
 * named.
 */
export function demoDirectory(): string {
  return join(tmpdir(), DIRECTORY_NAME);
}

/** Settings by the names of their variables. */
type Texts = Readonly<Record<string, string | undefined>>;

/**
 * The demo is isolated from a real installation: it ignores the environment, so its events, state and
 * aggregates stay its own. Only flags and the settings of logging and the admin listener count.
 *
 * @param addresses Settings that are known once the demo's bus listens.
 */
export function demoConfig(
  sources: Sources,
  registry: Registry,
  addresses: Texts = { VABUS_URL: "http://127.0.0.1" },
): Config {
  refuseForeign(sources, registry);
  const { environment, flags } = demoTexts(sources, addresses);
  return registry.configure({
    ...sources,
    environment,
    envFile: undefined,
    readFile: () => undefined,
    distrust: () => undefined,
    isOpen: () => false,
    flags,
  });
}

/** The same settings for the environment of the demo's handler. */
export function handlerSettings(sources: Sources, addresses: Texts): Record<string, string> {
  const { environment, flags } = demoTexts(sources, addresses);
  return definedOf({ ...environment, ...flags });
}

function demoTexts({ environment, flags }: Sources, addresses: Texts) {
  const { LOG_LEVEL, LOG_FORMAT, HTTP_LISTEN, HTTP_ALLOWED_HOSTS } = environment;
  return {
    environment: {
      ...OWN,
      LOG_LEVEL: LOG_LEVEL ?? OWN.LOG_LEVEL,
      LOG_FORMAT,
      HTTP_LISTEN: HTTP_LISTEN ?? OWN.HTTP_LISTEN,
      HTTP_ALLOWED_HOSTS,
    },
    flags: definedOf({
      STATE_DIR: demoDirectory(),
      INSTANCE_ID: "demo",
      ...flags,
      STORAGE_TYPE: DEMO_SINK,
      ...addresses,
    }),
  };
}

function definedOf(texts: Texts): Record<string, string> {
  return Object.fromEntries(
    Object.entries(texts).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/** Refuses flags that have no effect in the demo, instead of ignoring them silently. @throws {ConfigError} */
function refuseForeign({ flags, envFile }: Sources, { catalogue }: Registry): void {
  const isForeign = (given: string) => {
    const name = catalogue.ofGiven(given);
    // Undefined: the flag of a sink with its own id.
    const sink = name === undefined ? undefined : catalogue.entry(name).sink;
    return name === undefined || ["STORAGE_TYPE", "VABUS_URL", "DEFAULT_VABUS_URL"].includes(name) ||
      (sink !== undefined && sink.kind !== DEMO_SINK);
  };
  const given = [
    ...Object.keys(flags).filter(isForeign).map(flagOf),
    ...(envFile === undefined ? [] : ["--env-file"]),
  ];
  if (given.length === 0) return;
  const problem = "is not for the demo, which has a bus and an SQLite file of its own; `run` takes it";
  throw new ConfigError(given.map((subject) => ({ subject, problem })));
}
