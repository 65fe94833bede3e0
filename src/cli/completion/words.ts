import type { Registry } from "../../runtime/registry.ts";
import type { ValueType } from "../../settings/value_type.ts";
import { flagOf } from "../../settings/variable.ts";
import type { AnyCommand } from "../command.ts";
import { commandsOf, FAMILIES } from "../commands.ts";

/** All that can be completed, from the same declarations as the help. */
export interface ProgramWords {
  /** First words, and their summaries. */
  readonly first: readonly Word[];
  /** Second words, by their first. */
  readonly second: ReadonlyMap<string, readonly Word[]>;
  readonly commands: readonly CommandWords[];
}

export interface Word {
  readonly word: string;
  readonly summary: string;
}

export interface CommandWords {
  /** `status`, `dead-letters list`. */
  readonly name: string;
  readonly flags: readonly Flag[];
}

export interface Flag {
  /** With its dashes. */
  readonly name: string;
  readonly help: string;
  /** Undefined: it stands alone. */
  readonly value: FlagValue | undefined;
}

export interface FlagValue {
  /** Whether the flag may stand alone. */
  readonly isOptional: boolean;
  readonly words: readonly string[];
  readonly pathOf: "file" | "directory" | undefined;
}

const A_FILE: FlagValue = { isOptional: false, words: [], pathOf: "file" };
const OF_EVERY_COMMAND: readonly Flag[] = [
  { name: "--env-file", help: "file of settings to read instead of .env", value: A_FILE },
  { name: "--help", help: "show what there is, and examples", value: undefined },
  { name: "--version", help: "show the version", value: undefined },
];

export function wordsOfProgram(registry: Registry): ProgramWords {
  const commands = commandsOf(registry);
  const first = new Map<string, string>();
  const second = new Map<string, Word[]>();
  for (const { name, summary } of commands) {
    const [word, member] = name.split(" ") as [string, string?];
    if (!first.has(word)) first.set(word, FAMILIES[word] ?? summary);
    if (member !== undefined) second.set(word, [...second.get(word) ?? [], { word: member, summary }]);
  }
  return {
    first: [...first].map(([word, summary]) => ({ word, summary })),
    second,
    commands: commands.map((command) => ({ name: command.name, flags: flagsOf(command, registry) })),
  };
}

function flagsOf({ options, concerns }: AnyCommand, { catalogue }: Registry): Flag[] {
  const own = Object.values(options).map(({ flags, help, type }): Flag => ({
    name: flags.split(" ")[0]!,
    help,
    value: type && valueOf(type),
  }));
  const settings = concerns.flatMap((name): Flag[] => {
    const { help, type } = catalogue.variable(name);
    const file = catalogue.fileVariable(name);
    return [
      { name: flagOf(name), help, value: valueOf(type) },
      ...file === undefined ? [] : [{ name: flagOf(file), help: `file that holds ${name}`, value: A_FILE }],
    ];
  });
  return [...own, ...settings, ...OF_EVERY_COMMAND];
}

function valueOf({ placeholder, words, suggestions, pathOf }: ValueType<unknown>): FlagValue {
  return { isOptional: placeholder.startsWith("["), words: words ?? suggestions ?? [], pathOf };
}
