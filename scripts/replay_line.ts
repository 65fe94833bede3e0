/**
 * The shell command that runs a target of the Makefile again with these arguments, whatever they contain.
 *
 * ARGS is parsed three times: by the user's shell, by make, and by the shell that make starts.
 */
export function replayLine(target: string, args: readonly string[]): string {
  const forMakesShell = args.map(quoted).join(" ");
  const forMake = forMakesShell.replaceAll("$", "$$$$");
  return `make ${target} ARGS="${forMake.replaceAll(/[\\"$`]/g, "\\$&")}"`;
}

function quoted(argument: string): string {
  return /^[\w./:=@%+,-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
