import { DEFAULT_COMMAND } from "../commands.ts";
import { PROGRAM } from "../help.ts";
import type { Flag, FlagValue, ProgramWords } from "./words.ts";

/** Completion for bash, also for the one of macOS (3.2). */
export function bashScript({ first, second, commands }: ProgramWords): string {
  const members = [...second].map(([word, members]) =>
    `    ${word}) members="${members.map(({ word }) => word).join(" ")}" ;;`
  );
  const twoWords = commands.filter(({ name }) => name.includes(" ")).map(({ name }) => `"${name}"`).join(
    " | ",
  );
  const flags = commands.map(({ name, flags }) =>
    `    "${name}") flags="${flags.map(({ name }) => name).join(" ")}" ;;`
  );
  return `# What bash completes for ${PROGRAM}. Made by: ${PROGRAM} completion bash
_vabus_data_handler() {
  local IFS=$' \\t\\n' current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  local command=${DEFAULT_COMMAND} members= flags=
  COMPREPLY=()
  # Bash takes --flag=value for three words.
  if [[ $current == "=" ]]; then
    current=
  elif [[ $previous == "=" ]]; then
    previous=\${COMP_WORDS[COMP_CWORD-2]}
  fi

  case $previous in
${valueCases(commands.flatMap(({ flags }) => flags)).join("\n")}
  esac

  if ((COMP_CWORD == 1)) && [[ $current != -* ]]; then
    COMPREPLY=($(compgen -W "${first.map(({ word }) => word).join(" ")}" -- "$current"))
    return
  fi
  [[ \${COMP_WORDS[1]} == -* ]] || command=\${COMP_WORDS[1]}
  case $command in
${members.join("\n")}
  esac
  if ((COMP_CWORD == 2)) && [[ -n $members && $current != -* ]]; then
    COMPREPLY=($(compgen -W "$members" -- "$current"))
    return
  fi
  case "$command \${COMP_WORDS[2]-}" in
    ${twoWords}) command="$command \${COMP_WORDS[2]-}" ;;
  esac
  case $command in
${flags.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$flags" -- "$current"))
}
complete -F _vabus_data_handler ${PROGRAM}
`;
}

/** What follows a flag that takes a value: one case for each kind of value. */
function valueCases(flags: readonly Flag[]): string[] {
  const names = new Map<string, Set<string>>();
  for (const { name, value } of flags) {
    if (value === undefined) continue;
    const reply = replyOf(value);
    names.set(reply, (names.get(reply) ?? new Set()).add(name));
  }
  return [...names].map(([reply, names]) => `    ${[...names].join(" | ")})\n${reply}\n      ;;`);
}

function replyOf({ words, pathOf, isOptional }: FlagValue): string {
  if (pathOf !== undefined) {
    return `      # A path may have spaces, but hardly line breaks.
      IFS=$'\\n' COMPREPLY=($(compgen -${pathOf === "file" ? "f" : "d"} -- "$current"))
      compopt -o filenames 2>/dev/null
      return`;
  }
  if (words.length === 0) return "      return";
  const reply = `COMPREPLY=($(compgen -W "${words.join(" ")}" -- "$current"))`;
  return isOptional
    ? `      if [[ $current != -* ]]; then\n        ${reply}\n        return\n      fi`
    : `      ${reply}\n      return`;
}
