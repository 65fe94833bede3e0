import type { Logger } from "../platform/log/logger.ts";
import type { Registry } from "../runtime/registry.ts";
import type { Config } from "../settings/config.ts";

/** What a use case works on: a configuration, the connectors that there are, and where it logs. */
export interface Installation {
  readonly config: Config;
  readonly registry: Registry;
  readonly logger: Logger;
}
