import { PROXY_NAMES } from "../settings/proxy.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Set by the launcher where it asks what the runtime's exporter of OpenTelemetry is to be told. */
const ASKS = "VABUS_LAUNCHER_ASKS";
/** Set by the launcher where it has told it: the operator's own variables of OpenTelemetry, as JSON. */
export const KEPT = "VABUS_LAUNCHER_KEPT";

/** Set by the launcher: the variables of OpenTelemetry that it has taken out, with spaces between them. */
const UNREAD = "VABUS_LAUNCHER_UNREAD";

interface Launch {
  readonly environment: Environment;
  /** Whether the launcher asks for the environment of the exporter, and nothing else. */
  readonly isAsked: boolean;
  /** The variables of OpenTelemetry that this process was started with. */
  readonly exporter: Environment;
}

let launch: Launch | undefined;

/**
 * The environment. Variables of proxies are removed from it, since the runtime would also use the proxies for
 * this host itself. Parts that need a proxy get it from the configuration.
 */
export function takeEnvironment(): Environment {
  return takeLaunch().environment;
}

/** As {@link takeEnvironment}, with what the launcher has put there. */
export function takeLaunch(): Launch {
  if (launch === undefined) {
    const { [ASKS]: asks, [KEPT]: kept, [UNREAD]: unread = "", ...all } = Deno.env.toObject();
    for (const name of PROXY_NAMES) Deno.env.delete(name);
    const exporter = ofExporter(all);
    launch = {
      environment: {
        ...(kept === undefined ? all : { ...withoutExporter(all), ...JSON.parse(kept) }),
        // Their values do not matter: it is said that they are not read.
        ...Object.fromEntries(unread.split(" ").filter((name) => name !== "").map((name) => [name, ""])),
      },
      isAsked: asks !== undefined,
      exporter,
    };
  }
  return launch;
}

/** The variables of OpenTelemetry in an environment. */
export function ofExporter(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => name.startsWith("OTEL_")));
}

function withoutExporter(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith("OTEL_")));
}
