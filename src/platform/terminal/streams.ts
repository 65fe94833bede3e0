import { printableLines } from "../log/printable.ts";

const encoder = new TextEncoder();

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
