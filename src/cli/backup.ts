import { resolve } from "node:path";
import { embeddedSink } from "../control/embedded_sink.ts";
import { backUpSink, backUpState } from "../state/file/backup.ts";
import type { CommandContext } from "./command.ts";
import { CommandError, EXIT, type ExitCode } from "./exit.ts";
import { sizeInWords } from "./glance_words.ts";

export interface BackupOptions {
  readonly to: string | undefined;
  readonly sinkTo: string | undefined;
  /** The name of the embedded sink, where there are several. */
  readonly sink: string | undefined;
}

/** Copies the state, and the embedded sink if asked to. */
export async function backup(
  { config, sources, registry, write }: CommandContext,
  options: BackupOptions,
): Promise<ExitCode> {
  const { to, sinkTo } = options;
  if (to === undefined) throw new CommandError(EXIT.usage, "Name the file to write: backup --to <path>");
  const file = resolve(sources.workingDirectory, to);
  const { instanceId, bytes } = await backUpState(config.stateDir, file);
  write(`${file}: the state of ${instanceId}, ${sizeInWords(bytes)}, checked\n`);
  if (sinkTo !== undefined) {
    // The sink is copied after the state. So its copy has everything that the state knows to be delivered.
    const sinkFile = resolve(sources.workingDirectory, sinkTo);
    const { path, setting } = embeddedSink(config, registry, options.sink);
    write(
      `${sinkFile}: the sink, ${sizeInWords((await backUpSink(path, setting, sinkFile)).bytes)}, checked\n`,
    );
  }
  return EXIT.done;
}
