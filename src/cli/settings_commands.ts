import { path } from "../settings/value_type.ts";
import { single } from "./option.ts";
import { type AnyCommand, command } from "./command.ts";
import { loadBusConfig } from "../settings/bus_config.ts";
import type { Registry } from "../runtime/registry.ts";
import type { Sources } from "../settings/settings.ts";

export function checkCommand(registry: Registry): AnyCommand {
  return command({
    name: "check",
    summary: "validate the configuration, reach the bus and every sink, print what is in force",
    details: "Writes nothing anywhere. Exits 1 when a bus or a sink cannot be reached. Secrets are masked. " +
      "With --sample it reaches nothing, and exits 1 when a record of the file would be refused.",
    examples: [
      ["check --env-file /etc/vabus-data-handler.env", "before the service is restarted"],
      ["check --event-value /temp --sample events.ndjson", "what each record of a file becomes"],
    ],
    concerns: registry.catalogue.names,
    options: {
      sample: single(
        "--sample",
        path("the path of a readable file"),
        "show what each record of this file becomes, and nothing else",
      ),
    },
    configure: (sources) => registry.configure(sources),
    run: async (context, { sample }) =>
      sample === undefined
        ? await (await import("./check.ts")).check(context)
        : (await import("./sample.ts")).sample(context, sample),
  });
}

export function schemaCommand(registry: Registry): AnyCommand {
  return command({
    name: "schema",
    summary: "JSON Schema of the settings, for editors and charts",
    details: "Says of every setting what it is, its default and whether it is secret. Reads nothing.",
    examples: [["schema > settings.schema.json", "to check a file of values with"]],
    concerns: [],
    options: {},
    configure: (sources) => loadBusConfig(nowhere(sources), registry.catalogue),
    run: async (context) => (await import("./schema.ts")).schema(context),
  });
}

/** A configuration for a command without settings. The settings of the environment may be wrong. */
export function nowhere(sources: Sources): Sources {
  return {
    ...sources,
    environment: {},
    envFile: undefined,
    readFile: () => undefined,
    distrust: () => undefined,
  };
}
