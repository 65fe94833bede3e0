import { jsonSchema } from "../settings/json_schema.ts";
import type { BusConfig } from "../settings/bus_config.ts";
import type { CommandContext } from "./command.ts";
import { EXIT, type ExitCode } from "./exit.ts";

/** Prints the JSON Schema of the settings. */
export function schema({ registry, write }: CommandContext<BusConfig>): Promise<ExitCode> {
  write(`${JSON.stringify(jsonSchema(registry.catalogue), undefined, 2)}\n`);
  return Promise.resolve(EXIT.done);
}
