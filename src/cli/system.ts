import { hostname } from "node:os";
import type { LogConfig } from "../config/config.ts";
import type { Sources } from "../config/settings.ts";
import { readNamed } from "../file/regular_file.ts";
import { distrustOfFile, isOpenToAll } from "../file/trust.ts";
import { createLogger, type Logger } from "../log/logger.ts";
import { printableLines } from "../log/printable.ts";
import { takeEnvironment } from "./environment.ts";

/** Far more than any file of settings, secrets or certificates has. */
const SETTINGS_MAX_BYTES = 1 << 20;

const encoder = new TextEncoder();

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

/** Writes all of the text, without what could steer a terminal; throws when nobody reads any more. */
export function writeStdout(text: string): void {
  writeAll(Deno.stdout, printableLines(text));
}

/**
 * Writes all of the text, without what could steer a terminal. Where stderr leads must not decide whether the service lives, so
 * errors are dropped.
 */
export function writeStderr(text: string): void {
  drawStderr(printableLines(text));
}

/** Writes to a terminal as it stands: nothing in it may come from outside, unless it is {@link printable}. */
export function drawStdout(text: string): void {
  writeAll(Deno.stdout, text);
}

/** The same on stderr. */
export function drawStderr(text: string): void {
  try {
    writeAll(Deno.stderr, text);
  } catch {
    // There is no place left to tell it.
  }
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let rest = encoder.encode(text);
  while (rest.length > 0) rest = rest.subarray(stream.writeSync(rest));
}
