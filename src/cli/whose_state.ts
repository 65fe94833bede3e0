import type { Config } from "../settings/config.ts";
import type { Sources } from "../settings/settings.ts";
import { infoOf } from "../platform/file/absence.ts";
import { StateDatabase } from "../state/file/state_database.ts";
import { STATE_FILE_NAME } from "../state/file/state_directory.ts";
import type { Registry } from "../runtime/registry.ts";
import type { CommandContext } from "./command.ts";
import type { ExitCode } from "./exit.ts";
import { writeStderr } from "../platform/terminal/streams.ts";

/** The directories where services keep their state, under systemd and other service managers (`deploy/`). */
const SERVICE_DIRECTORIES = ["/var/lib/vabus-data-handler", "/var/lib/vabus-data-handler/state"];

/**
 * The configuration of a command that works on an existing state. An operator's shell seldom has the
 * service's settings. So where no STATE_DIR is given and there is no state in the default directory, the
 * service's state is used.
 */
export function stateDirConfig(sources: Sources, registry: Registry): Config {
  const config = registry.configure(sources);
  if (config.texts.get("STATE_DIR") !== undefined || mayHaveState(config.stateDir)) return config;
  const directory = SERVICE_DIRECTORIES.find(mayHaveState);
  return directory === undefined ? config : registry.configure(withFlag(sources, "STATE_DIR", directory));
}

/** As {@link stateDirConfig}; where no INSTANCE_ID is given, the one of the state is used. */
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

/**
 * As {@link stateConfig}, for a command that only reads. Missing settings of buses and sinks are no fault.
 */
export function readerConfig(sources: Sources, registry: Registry): Config {
  return stateConfig(alone(sources), registry);
}

/**
 * The settings for a command that uses neither buses nor sinks: those that only the service has may be
 * missing.
 */
export function alone(sources: Sources): Sources {
  return { ...sources, isAlone: true };
}

/** Lets a command print first whose state it uses, where its own output does not say so. */
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

/** Errors are ignored here: opening the state reports them. */
function mayHaveState(directory: string): boolean {
  try {
    return infoOf(`${directory}/${STATE_FILE_NAME}`) !== undefined;
  } catch (error) {
    return error instanceof Deno.errors.PermissionDenied;
  }
}
