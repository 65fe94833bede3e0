import { PROXY_NAMES } from "../settings/proxy.ts";
import { GIVEN_NAMES } from "../settings/variables.ts";

/** In which the launcher tells the names, not the values, of all variables: to find misspelt ones among them. */
const SEEN_NAMES = "VABUS_LAUNCHER_SEEN";

/** Variables beside those of the configuration: where things are on this machine, and who has started the program. */
export const MACHINE_NAMES: readonly string[] = [
  ...["HOME", "XDG_STATE_HOME", "STATE_DIRECTORY", "TMPDIR", "TMP", "TEMP", "SYSTEMROOT", "WINDIR"],
  ...["SUDO_USER"],
  ...["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"],
  ...PROXY_NAMES,
  SEEN_NAMES,
];

let environment: Readonly<Record<string, string | undefined>> | undefined;

/**
 * The environment as far as this process may see it: all of it under `deno run --allow-all`; in the built program our own
 * variables, and of others no more than that they are there.
 *
 * Proxies are taken out of it for good: the runtime would send what goes to this very host through them, too. Who needs one gets it
 * from the configuration.
 */
export function takeEnvironment(): Readonly<Record<string, string | undefined>> {
  if (environment === undefined) {
    environment = readEnvironment();
    for (const name of PROXY_NAMES) Deno.env.delete(name);
  }
  return environment;
}

function readEnvironment(): Readonly<Record<string, string | undefined>> {
  if (Deno.permissions.querySync({ name: "env" }).state === "granted") {
    const { [SEEN_NAMES]: _, ...environment } = Deno.env.toObject();
    return environment;
  }
  const seen = (Deno.env.get(SEEN_NAMES) ?? "").split(" ").filter((name) => name !== "");
  const own = [...GIVEN_NAMES, ...MACHINE_NAMES].map((name) => [name, Deno.env.get(name)] as const);
  return Object.fromEntries([
    ...seen.map((name) => [name, ""] as const),
    ...own.filter(([name, value]) => name !== SEEN_NAMES && value !== undefined),
  ]);
}
