import { printableLines } from "../log/printable.ts";

const encoder = new TextEncoder();

/**
 * Writes all of the text to stdout, without characters that could control a terminal. @throws when nobody
 * reads any more
 */
export function writeStdout(text: string): void {
  writeAll(Deno.stdout, printableLines(text));
}

/**
 * Writes all of the text to stderr, without characters that could control a terminal. Errors are dropped: the
 * service must not depend on where stderr leads.
 */
export function writeStderr(text: string): void {
  drawStderr(printableLines(text));
}

/** Writes text to a terminal unchanged. Text from outside must be {@link printable} first. */
export function drawStdout(text: string): void {
  writeAll(Deno.stdout, text);
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
