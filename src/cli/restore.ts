import { resolve } from "node:path";
import { restoreState } from "../state/file/restore.ts";
import type { CommandContext } from "./command.ts";
import { operator } from "./operator.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";

export interface RestoreOptions {
  readonly from: string | undefined;
  readonly replace: boolean;
}

/** Makes a backup the state of `STATE_DIR`. */
export function restore(
  { config, sources, write }: CommandContext,
  options: RestoreOptions,
): Promise<ExitCode> {
  const { from, replace } = options;
  if (from === undefined) throw new CommandError(EXIT.usage, "Name the backup: restore --from <path>");
  const file = resolve(sources.workingDirectory, from);
  const { instanceId, putAside } = restoreState(file, config.stateDir, replace, Date.now(), operator());
  if (putAside !== undefined) write(`The state that was there is now ${putAside}.\n`);
  write(`${config.stateDir} holds the state of ${instanceId}, as it was when the backup was made.\n`);
  if (config.instanceId !== instanceId) {
    write(`Start the handler with INSTANCE_ID=${instanceId}; here it would be ${config.instanceId}.\n`);
  }
  return Promise.resolve(EXIT.done);
}
