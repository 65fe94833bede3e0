import type { Config } from "../settings/config.ts";
import { ConfigError } from "../settings/fault.ts";
import type { Reread } from "../settings/reread.ts";
import type { Logger } from "../platform/log/logger.ts";

/** The settings of a running service, which can be read again. */
export interface Resettings {
  /** Resolves at the next request to read them, or when the signal fires. */
  next(signal: AbortSignal): Promise<void>;
  /** @throws {ConfigError} The new settings are wrong; those in force stay. */
  read(inForce: Config): Reread;
  /** Called with the configuration that is in force from now on. */
  adopt(config: Config): void;
}

/** What came of reading the settings again: what has changed, by name, or why the old ones stay. */
export type Rereading =
  | { readonly changed: readonly string[]; readonly atStart: readonly string[] }
  | { readonly fault: string };

/** Reads the settings again and logs what has changed. @param change Puts a new configuration in force. */
export async function readAgain(
  inForce: Config,
  resettings: Resettings,
  logger: Logger,
  change: (next: Config) => Promise<void>,
): Promise<Rereading> {
  let reread: Reread;
  try {
    reread = resettings.read(inForce);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const fault = error.message.replaceAll(/\n\s*/g, " ");
    logger.error(`the settings stay as they were: ${fault}`);
    return { fault };
  }
  const { config, changed, atStart } = reread;
  resettings.adopt(config);
  for (const warning of config.warnings) if (!inForce.warnings.includes(warning)) logger.warn(warning);
  logger.info("the settings were read again", {
    changed: changed.join(",") || "none",
    ...(atStart.length > 0 && { changed_at_next_start: atStart.join(",") }),
  });
  if (atStart.length > 0) logger.warn(`a restart is needed for what has changed in ${atStart.join(", ")}`);
  if (config.shadowed.length > 0) {
    logger.warn(
      `${
        config.shadowed.join(", ")
      }: the value in the settings file has no effect, since a flag or the environment sets another one`,
    );
  }
  await change(config);
  return { changed, atStart };
}
