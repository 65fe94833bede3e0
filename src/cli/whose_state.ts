import type { Config } from "../settings/config.ts";
import type { Sources } from "../settings/settings.ts";
import { infoOf } from "../platform/file/absence.ts";
import { StateDatabase } from "../state/file/state_database.ts";
import { STATE_FILE_NAME } from "../state/file/state_directory.ts";
import type { Registry } from "../runtime/registry.ts";
import type { CommandContext } from "./command.ts";
import type { ExitCode } from "./exit.ts";
import { writeStderr } from "../platform/terminal/streams.ts";

/** Where services keep their state, under systemd and under the others (`deploy/`), whoever the operator is. */
const SERVICE_DIRECTORIES = ["/var/lib/vabus-data-handler", "/var/lib/vabus-data-handler/state"];

/**
 * The configuration of a command that works on a state that is there. An operator's shell seldom knows the service's settings: where
 * no STATE_DIR is given and none is in the default place, the service's is meant.
 */
export function stateDirConfig(sources: Sources, registry: Registry): Config {
  const config = registry.configure(sources);
  if (config.texts.get("STATE_DIR") !== undefined || mayHaveState(config.stateDir)) return config;
  const directory = SERVICE_DIRECTORIES.find(mayHaveState);
  return directory === undefined ? config : registry.configure(withFlag(sources, "STATE_DIR", directory));
}

/** As {@link stateDirConfig}; where no INSTANCE_ID is given, it is that of the state. */
export function stateConfig(sources: Sources, registry: Registry): Config {
  const config = stateDirConfig(sources, registry);
  if (config.texts.get("INSTANCE_ID") !== undefined) return config;
  const instance = StateDatabase.instanceIn(config.stateDir);
  if (instance === undefined || instance === config.instanceId) return config;
  const withStateDir = config.texts.get("STATE_DIR") === undefined
    ? sources
    : withFlag(sources, "STATE_DIR", config.stateDir);
  return registry.configure(withFlag(withStateDir, "INSTANCE_ID", instance));
}

/** As {@link stateConfig}, for a command that only reads: what buses and sinks need, and is not there, is no fault. */
export function readerConfig(sources: Sources, registry: Registry): Config {
  return stateConfig(alone(sources), registry);
}

/** For a command that neither reads buses nor writes to sinks: an operator's shell may well lack what only the service is given. */
export function alone(sources: Sources): Sources {
  return { ...sources, isAlone: true };
}

/** Has a command say first whose state it speaks of, where its own output does not. */
export function tellingWhose<O>(
  run: (context: CommandContext, options: O) => Promise<ExitCode>,
): (context: CommandContext, options: O) => Promise<ExitCode> {
  return (context, options) => {
    const { stateDir } = context.config;
    const instance = StateDatabase.instanceIn(stateDir);
    if (instance !== undefined) writeStderr(`state of ${instance} in ${stateDir}/${STATE_FILE_NAME}\n`);
    return run(context, options);
  };
}

function withFlag(sources: Sources, name: string, value: string): Sources {
  return { ...sources, flags: { ...sources.flags, [name]: value } };
}

/** Also where that is nobody else's business: opening it says whose it is. */
function mayHaveState(directory: string): boolean {
  try {
    return infoOf(`${directory}/${STATE_FILE_NAME}`) !== undefined;
  } catch (error) {
    return error instanceof Deno.errors.PermissionDenied;
  }
}
