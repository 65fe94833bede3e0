import { resolve } from "node:path";

/** The variable with the launcher's own path, since the running program is Deno. */
const LAUNCHER_PATH = "VABUS_LAUNCHER_PATH";
const FROM_SOURCES = "scripts/deno.sh run -A src/main.ts";

/** The name by which this program was called, for command lines in messages. */
export function invokedAs(): string {
  const launcher = Deno.env.get(LAUNCHER_PATH);
  if (launcher) return shellWord(launcher);
  return Deno.build.standalone ? shellWord(Deno.execPath()) : FROM_SOURCES;
}

/** The program and its first arguments, with which this process starts the same program again. */
export function ownProgram(): readonly [path: string, ...args: string[]] {
  const launcher = Deno.env.get(LAUNCHER_PATH);
  if (launcher) return [resolve(launcher)];
  if (Deno.build.standalone) return [Deno.execPath()];
  return [Deno.execPath(), "run", "--quiet", "--allow-all", Deno.mainModule];
}

/** A text as one word of a shell. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
