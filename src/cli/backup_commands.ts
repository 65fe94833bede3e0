import { type AnyCommand, command } from "./command.ts";
import { anyText, path } from "../settings/value_type.ts";
import { single, toggle } from "./option.ts";
import { alone, readerConfig, stateDirConfig, tellingWhose } from "./whose_state.ts";
import { STATE_VARIABLES } from "./shared_options.ts";
import type { Registry } from "../runtime/registry.ts";

export function backupCommand(registry: Registry): AnyCommand {
  return command({
    name: "backup",
    summary: "a consistent copy of the state in one file, while the handler runs",
    details: "The copy is checked before it gets its name, is readable by its owner alone, and replaces an " +
      "earlier backup of that name in one step.",
    examples: [
      ["backup --to /mnt/backup/vabus.state", "from a timer, while the handler runs"],
      ["backup --to state.backup --sink-to sink.backup", "the embedded SQLite sink too"],
    ],
    concerns: [...STATE_VARIABLES, ...fileVariables(registry)],
    options: {
      to: single("--to", path("the path of a file"), "where to write it"),
      sinkTo: single("--sink-to", path("the path of a file"), "copy the embedded SQLite sink to this file"),
      sink: single("--sink", anyText("<name>", "the name of a sink"), "which of several embedded sinks"),
    },
    configure: readerConfig,
    run: tellingWhose(async (context, options) => (await import("./backup.ts")).backup(context, options)),
  });
}

export function restoreCommand(registry: Registry): AnyCommand {
  return command({
    name: "restore",
    summary: "make a backup the state of STATE_DIR, after a host was lost",
    details: "Refuses while a handler runs on STATE_DIR (exit 75), and where there is a state already. The " +
      "restored handler goes on where the backup was made: the bus gives it again what came later.",
    examples: [
      ["restore --from /mnt/backup/vabus.state", "on a new host, before the first start"],
      ["restore --from state.backup --replace", "puts a damaged state aside first"],
    ],
    concerns: STATE_VARIABLES,
    options: {
      from: single("--from", path("the path of a file"), "the backup"),
      replace: toggle("--replace", "rename a state that is there, instead of refusing"),
    },
    configure: (sources) => stateDirConfig(alone(sources), registry),
    run: async (context, options) => (await import("./restore.ts")).restore(context, options),
  });
}

/** The settings of sinks that are files, which `backup` can copy. */
function fileVariables({ catalogue, sinks }: Registry): string[] {
  const kinds = sinks.filter(({ fileOf }) => fileOf !== undefined).map(({ kind }) => kind);
  return catalogue.names.filter((name) => kinds.includes(catalogue.entry(name).sink?.kind ?? ""));
}
