import { parseArgs, type ParseArgsConfig } from "node:util";

/**
 * The flags that a script was called with. What is not one of `options` is told in one line, and the script
 * ends with exit code 2.
 */
export function flagsOf<Options extends NonNullable<ParseArgsConfig["options"]>>(options: Options) {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    refuse(error.message);
  }
}

/** Ends a script that was called wrongly. */
export function refuse(message: string): never {
  console.error(message);
  Deno.exit(2);
}
