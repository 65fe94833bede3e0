/**
 * The line to type into a shell that runs one target of the Makefile again with these arguments, whatever is in them.
 *
 * ARGS is read three times: by the shell it is typed into, by make, and by the shell that make starts.
 */
export function replayLine(target: string, args: readonly string[]): string {
  const forMakesShell = args.map(quoted).join(" ");
  const forMake = forMakesShell.replaceAll("$", "$$$$");
  return `make ${target} ARGS="${forMake.replaceAll(/[\\"$`]/g, "\\$&")}"`;
}

function quoted(argument: string): string {
  return /^[\w./:=@%+,-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
