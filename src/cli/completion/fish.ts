import { DEFAULT_COMMAND } from "../commands.ts";
import { PROGRAM } from "../help.ts";
import type { CommandWords, Flag, FlagValue, ProgramWords, Word } from "./words.ts";

/** Completion for fish, 3.1 and newer. */
export function fishScript({ first, second, commands }: ProgramWords): string {
  const twoWords = commands.filter(({ name }) => name.includes(" ")).map(({ name }) => quoted(name)).join(
    " ",
  );
  return `# What fish completes for ${PROGRAM}. Made by: ${PROGRAM} completion fish

# The command before the cursor: its two words, or the first one; nothing where only the program is there.
function __vabus_data_handler_command
    set -l words (commandline -opc)
    set -e words[1]
    if test (count $words) -eq 0
        return
    else if contains -- "$words[1..2]" ${twoWords}
        echo "$words[1..2]"
    else if string match -q -- '-*' $words[1]
        echo ${DEFAULT_COMMAND}
    else
        echo $words[1]
    end
end

function __vabus_data_handler_is
    contains -- "$(__vabus_data_handler_command)" $argv
end

function __vabus_data_handler_has_words
    test (count (commandline -opc)) -eq $argv[1]
end

complete -c ${PROGRAM} -f
${wordLines("__vabus_data_handler_has_words 1", first).join("\n")}
${
    [...second].flatMap(([word, members]) =>
      wordLines(`__vabus_data_handler_has_words 2; and __vabus_data_handler_is ${word}`, members)
    ).join("\n")
  }
${flagLines(commands).join("\n")}
`;
}

function wordLines(condition: string, words: readonly Word[]): string[] {
  return words.map(({ word, summary }) => line(condition, `-a ${quoted(word)}`, summary));
}

/** A line for each flag that means the same in several commands. */
function flagLines(commands: readonly CommandWords[]): string[] {
  const flags = new Map<string, { readonly flag: Flag; readonly names: string[] }>();
  for (const { name, flags: own } of commands) {
    for (const flag of own) {
      const key = JSON.stringify(flag);
      flags.set(key, { flag, names: [...flags.get(key)?.names ?? [], name] });
    }
  }
  return [...flags.values()].map(({ flag: { name, help, value }, names }) => {
    // The flags of the default command may stand without it.
    const written = names.flatMap((name) => name === DEFAULT_COMMAND ? [name, ""] : [name]);
    const condition = `__vabus_data_handler_is ${written.map(quoted).join(" ")}`;
    return line(condition, `-l ${name.slice(2)}${value === undefined ? "" : argumentsOf(value)}`, help);
  });
}

function argumentsOf({ words, pathOf, isOptional }: FlagValue): string {
  if (pathOf === "file") return " -r -F";
  if (pathOf === "directory") return " -x -a '(__fish_complete_directories)'";
  return (isOptional ? "" : " -x") + (words.length === 0 ? "" : ` -a ${quoted(words.join(" "))}`);
}

function line(condition: string, completion: string, summary: string): string {
  return `complete -c ${PROGRAM} -n ${quoted(condition)} ${completion} -d ${quoted(summary)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}
