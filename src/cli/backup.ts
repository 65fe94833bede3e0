import { resolve } from "node:path";
import type { Registry } from "../runtime/registry.ts";
import type { Config } from "../settings/config.ts";
import type { SinkFile } from "../settings/declaration.ts";
import { backUpSink, backUpState } from "../state/file/backup.ts";
import type { CommandContext } from "./command.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";

export interface BackupOptions {
  readonly to: string | undefined;
  readonly sinkTo: string | undefined;
  /** Which of several embedded sinks. */
  readonly sink: string | undefined;
}

/** Copies the state, and the embedded sink when that is asked for. */
export async function backup(
  { config, sources, registry, write }: CommandContext,
  options: BackupOptions,
): Promise<ExitCode> {
  const { to, sinkTo } = options;
  if (to === undefined) throw new CommandError(EXIT.usage, "Name the file to write: backup --to <path>");
  const file = resolve(sources.workingDirectory, to);
  const { instanceId, bytes } = await backUpState(config.stateDir, file);
  write(`${file}: the state of ${instanceId}, ${megabytes(bytes)}, checked\n`);
  if (sinkTo !== undefined) {
    // After the state: so the copy of the sink lacks nothing that the state believes delivered.
    const sinkFile = resolve(sources.workingDirectory, sinkTo);
    const { path } = embeddedSink(config, registry, options.sink);
    write(`${sinkFile}: the sink, ${megabytes((await backUpSink(path, sinkFile)).bytes)}, checked\n`);
  }
  return EXIT.done;
}

/** @throws {CommandError} There is none, or nobody can tell which. */
function embeddedSink({ sinks }: Config, registry: Registry, wanted: string | undefined): SinkFile {
  const files = sinks.flatMap((sink) => {
    const file = registry.fileOf(sink);
    return file === undefined ? [] : [{ id: sink.id, ...file }];
  });
  const ids = files.map(({ id }) => id).join(", ");
  if (files.length === 0) {
    const kinds = registry.sinks.filter(({ fileOf }) => fileOf).map(({ kind }) => kind);
    throw new CommandError(
      EXIT.usage,
      `--sink-to: ${kinds.join(" or ")} is not in STORAGE_TYPE, so there is no embedded sink. ` +
        "Leave it out, or give the handler's settings.",
    );
  }
  const found = wanted === undefined ? files : files.filter(({ id }) => id === wanted);
  if (found.length === 1) return found[0]!;
  throw new CommandError(
    EXIT.usage,
    wanted === undefined
      ? `--sink-to: there are several embedded sinks (${ids}). Say by --sink which.`
      : `--sink ${wanted}: there is no such embedded sink in STORAGE_TYPE. There are: ${ids}.`,
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
