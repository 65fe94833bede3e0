import { hostname } from "node:os";
import type { LogConfig } from "../settings/config.ts";
import type { Sources } from "../settings/settings.ts";
import { readNamed } from "../platform/file/regular_file.ts";
import { distrustOfFile, isOpenToAll } from "../platform/file/trust.ts";
import { createLogger, type Logger } from "../platform/log/logger.ts";
import { writeStderr } from "../platform/terminal/streams.ts";
import { takeEnvironment } from "./environment.ts";

/** Far more than any file of settings, secrets or certificates has. */
const SETTINGS_MAX_BYTES = 1 << 20;

/** What the configuration may know of this machine. */
export function systemSources(flags: Sources["flags"], envFile: string | undefined): Sources {
  return {
    flags,
    environment: takeEnvironment(),
    envFile,
    workingDirectory: Deno.cwd(),
    hostName: hostname(),
    isTerminal: Deno.stderr.isTerminal(),
    readFile: (path) => {
      try {
        return new TextDecoder().decode(readNamed(path, SETTINGS_MAX_BYTES));
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      }
    },
    isOpen: isOpenToAll,
    distrust: (path) => distrustOfFile(path),
  };
}

/** Logs to stderr, each line as the configuration of that moment says. */
export function stderrLogger(config: () => LogConfig): Logger {
  return createLogger({
    get level() {
      return config().level;
    },
    get format() {
      return config().format;
    },
    write: (line) => writeStderr(`${line}\n`),
    now: Date.now,
  });
}
