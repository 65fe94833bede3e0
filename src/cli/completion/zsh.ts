import { DEFAULT_COMMAND } from "../commands.ts";
import { PROGRAM } from "../help.ts";
import type { Flag, FlagValue, ProgramWords, Word } from "./words.ts";

/** Completion for zsh, by its own function _arguments. */
export function zshScript({ first, second, commands }: ProgramWords): string {
  const members = [...second].map(([word, members]) =>
    `    ${word})\n      members=(\n${words(members, 8)}\n      )\n      ;;`
  );
  const twoWords = commands.filter(({ name }) => name.includes(" ")).map(({ name }) => `"${name}"`).join("|");
  const flags = commands.map(({ name, flags }) =>
    `    "${name}")\n      flags=(\n${
      flags.map((flag) => `        ${specOf(flag)}`).join("\n")
    }\n      )\n      ;;`
  );
  return `#compdef ${PROGRAM}
# What zsh completes for ${PROGRAM}. Made by: ${PROGRAM} completion zsh
_vabus_data_handler() {
  local command=${DEFAULT_COMMAND}
  local -a first members flags
  if ((CURRENT == 2)) && [[ $words[2] != -* ]]; then
    first=(
${words(first, 6)}
    )
    _describe -t commands command first
    return
  fi
  [[ $words[2] == -* ]] || { command=$words[2]; shift words; ((CURRENT--)) }
  case $command in
${members.join("\n")}
  esac
  if ((CURRENT == 2 && $#members)) && [[ $words[2] != -* ]]; then
    _describe -t commands command members
    return
  fi
  case "$command $words[2]" in
    ${twoWords}) command+=" $words[2]"; shift words; ((CURRENT--)) ;;
  esac
  case $command in
${flags.join("\n")}
  esac
  _arguments $flags
}
# Zsh calls the file itself when it is on its path of functions; otherwise the file is read.
if [[ $funcstack[1] == _${PROGRAM} ]]; then
  _vabus_data_handler "$@"
else
  compdef _vabus_data_handler ${PROGRAM}
fi
`;
}

/** For `_describe`: word and summary. */
function words(words: readonly Word[], indent: number): string {
  return words.map(({ word, summary }) => `${" ".repeat(indent)}${quoted(`${word}:${summary}`)}`).join("\n");
}

/** For `_arguments`. Each flag may be repeated. */
function specOf({ name, help, value }: Flag): string {
  const description = `[${help.replaceAll(/[[\]\\]/g, "\\$&")}]`;
  return quoted(`*${name}${value === undefined ? description : `=${description}${messageOf(value)}`}`);
}

function messageOf({ words, pathOf, isOptional }: FlagValue): string {
  const colons = isOptional ? "::" : ":";
  if (pathOf !== undefined) return `${colons}${pathOf}:${pathOf === "file" ? "_files" : "_files -/"}`;
  return `${colons}value:${words.length === 0 ? "" : `(${words.join(" ")})`}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
