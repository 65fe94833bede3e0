import { printableLines } from "../log/printable.ts";

const encoder = new TextEncoder();

/** Not all of the output could be written. Its message is for a user. */
export class OutputError extends Error {}

/**
 * Writes all of the text to stdout, without characters that could control a terminal.
 *
 * @throws {Deno.errors.BrokenPipe} Nobody reads any more.
 * @throws {OutputError} It leads to a disk that is full, or the like.
 */
export function writeStdout(text: string): void {
  drawStdout(printableLines(text));
}

/**
 * Writes all of the text to stderr, without characters that could control a terminal. Errors are dropped: the
 * service must not depend on where stderr leads.
 */
export function writeStderr(text: string): void {
  drawStderr(printableLines(text));
}

/**
 * Writes text to a terminal unchanged. Text from outside must be {@link printable} first.
 *
 * @throws As {@link writeStdout}.
 */
export function drawStdout(text: string): void {
  try {
    writeAll(Deno.stdout, text);
  } catch (error) {
    if (!(error instanceof Error) || error instanceof Deno.errors.BrokenPipe) throw error;
    throw new OutputError(`Not all of the output could be written: ${error.message}.`, { cause: error });
  }
}

/** As {@link drawStdout}, on stderr. Errors are dropped. */
export function drawStderr(text: string): void {
  try {
    writeAll(Deno.stderr, text);
  } catch {
    // There is nowhere left to report it.
  }
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let rest = encoder.encode(text);
  while (rest.length > 0) rest = rest.subarray(stream.writeSync(rest));
}
