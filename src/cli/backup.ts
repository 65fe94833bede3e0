import { resolve } from "node:path";
import { backUpSink, backUpState } from "../state/file/backup.ts";
import type { CommandContext } from "./command.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";

export interface BackupOptions {
  readonly to: string | undefined;
  readonly sinkTo: string | undefined;
}

/** Copies the state, and the embedded sink when that is asked for. */
export async function backup(
  { config, sources, write }: CommandContext,
  options: BackupOptions,
): Promise<ExitCode> {
  const { to, sinkTo } = options;
  if (to === undefined) throw new CommandError(EXIT.usage, "Name the file to write: backup --to <path>");
  const file = resolve(sources.workingDirectory, to);
  const { instanceId, bytes } = await backUpState(config.stateDir, file);
  write(`${file}: the state of ${instanceId}, ${megabytes(bytes)}, checked\n`);
  if (sinkTo !== undefined) {
    // After the state: so the copy of the sink lacks nothing that the state believes delivered.
    const sink = config.sinks.find((candidate) => candidate.name === "sqlite");
    if (sink?.name !== "sqlite") {
      throw new CommandError(
        EXIT.usage,
        "--sink-to: sqlite is not in STORAGE_TYPE, so there is no embedded sink. Leave it out, or give the handler's settings.",
      );
    }
    const sinkFile = resolve(sources.workingDirectory, sinkTo);
    write(`${sinkFile}: the sink, ${megabytes((await backUpSink(sink.path, sinkFile)).bytes)}, checked\n`);
  }
  return EXIT.done;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
