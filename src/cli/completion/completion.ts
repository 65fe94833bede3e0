import type { BusConfig } from "../../settings/bus_config.ts";
import type { CommandContext } from "../command.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { bashScript } from "./bash.ts";
import { fishScript } from "./fish.ts";
import { wordsOfProgram } from "./words.ts";
import { zshScript } from "./zsh.ts";

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** Prints the script for a shell. */
export function completion(
  { registry, write }: CommandContext<BusConfig>,
  shell: keyof typeof SCRIPTS,
): Promise<ExitCode> {
  write(SCRIPTS[shell](wordsOfProgram(registry)));
  return Promise.resolve(EXIT.done);
}
