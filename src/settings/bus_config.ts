import type { Catalogue } from "./catalogue.ts";
import { deepFreeze } from "./deep_freeze.ts";
import { exposedSecrets } from "./exposed_secrets.ts";
import { ConfigError } from "./fault.ts";
import { coreValues, readSettings, type Sources } from "./settings.ts";
import { listenOf, type LogConfig, logConfig, triage } from "./shared_config.ts";
import type { HostPort } from "./value_type.ts";

/**
 * The settings that the reference bus and `health` share with the handler, so that one environment serves all
 * of them.
 */
export interface BusConfig {
  /** Undefined: everybody may read and write. */
  readonly token: string | undefined;
  /** In lower case. */
  readonly allowedHosts: readonly string[];
  /** Undefined: off. */
  readonly httpListen: HostPort | undefined;
  /** Whether the admin listener serves https. */
  readonly hasHttpTls: boolean;
  readonly log: LogConfig;
  readonly secrets: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Variables that only the handler needs may be missing. @throws {ConfigError} that names every fault of any
 * variable
 */
export function loadBusConfig(sources: Sources, catalogue: Catalogue): BusConfig {
  const settings = readSettings(sources, catalogue);
  const { fatal } = triage(settings.faults, settings, sources);
  if (fatal.length > 0) throw new ConfigError(fatal);
  const values = coreValues(settings);
  const token = values.VABUS_TOKEN;
  const secrets = token === undefined ? [] : [token];
  const allowedHosts = values.HTTP_ALLOWED_HOSTS ?? [];
  const warnings = exposedSecrets([settings.masked.get("VABUS_TOKEN")!], sources);
  return deepFreeze({
    token,
    allowedHosts,
    httpListen: listenOf(values),
    hasHttpTls: values.HTTP_CERT_FILE !== undefined,
    log: logConfig(values, sources),
    secrets,
    warnings,
  });
}
