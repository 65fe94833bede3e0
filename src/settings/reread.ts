import type { Config } from "./config.ts";
import { ConfigError } from "./fault.ts";

/** The values that variables keep, whatever is given now. */
export type Pinned = ReadonlyMap<string, string | undefined>;

/** The result of reading the settings again. */
export interface Reread {
  /** The new configuration: variables that can change as given now, the others as before. */
  readonly config: Config;
  /** Variables whose changes are in `config`. */
  readonly changed: readonly string[];
  /** Variables whose changes take effect at the next start only. */
  readonly atStart: readonly string[];
}

/**
 * Reads the settings of a running service again.
 *
 * @throws {ConfigError} with every fault of the new settings, or because the variables that can change do not
 * fit those that cannot.
 */
export function rereadConfig(inForce: Config, load: (pinned: Pinned) => Config): Reread {
  const wanted = load(new Map());
  const settings = new Map(
    [...inForce.settings, ...wanted.settings].map((setting) => [setting.variable, setting]),
  );
  const changed = [...settings.keys()].filter((name) => wanted.texts.get(name) !== inForce.texts.get(name));
  const atStart = changed.filter((name) =>
    settings.get(name)!.atStart && !(isOfBuses(name) && addressesOf(wanted) === addressesOf(inForce))
  );
  if (atStart.length === 0) return { config: wanted, changed, atStart };
  try {
    const config = load(new Map(atStart.map((name) => [name, inForce.texts.get(name)])));
    return { config, changed: changed.filter((name) => !atStart.includes(name)), atStart };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError([
      ...atStart.map((subject) => ({
        subject,
        problem: "has changed, which takes a restart, and the other new settings do not fit its old value",
      })),
      ...error.faults,
    ]);
  }
}

function isOfBuses(name: string): boolean {
  return name === "VABUS_URL" || name === "DEFAULT_VABUS_URL";
}

/** The buses, their names and how they are read, without their credentials, which may well change. */
function addressesOf({ sources }: Config): string {
  return sources.map(({ address, name, ownEvents }) => JSON.stringify([address, name, ownEvents])).join(",");
}
