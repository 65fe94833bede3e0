import type { Logger } from "../platform/log/logger.ts";
import type { Registry } from "../runtime/registry.ts";
import type { Config } from "../settings/config.ts";

/** The surroundings of a use case: a configuration, the connectors and a logger. */
export interface Installation {
  readonly config: Config;
  readonly registry: Registry;
  readonly logger: Logger;
}
